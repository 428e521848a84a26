"""The registry of downloads: addresses, sizes and digests of the files of named data sets.

Digests of gzipped files are those of their content, since a gzip header holds a time stamp and copies of the
same data differ in it. This file imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remote:
    """A published file.

    Args:
        path: its place below a data folder.
        urls: the publisher's address first, then mirrors.
        sha256: digest of the file, or of its content if `unzip`.
        size: size of the file in bytes, or None if unknown.
        unzip: True if the digest is that of the unzipped content.
        members: members of an archive that are unpacked beside it; the archive is then removed.
    """

    path: str
    urls: tuple[str, ...]
    sha256: str
    size: int | None = None
    unzip: bool = False
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rsplit("/", 1)[-1]


def _idx(folder: str, bases: tuple[str, ...], known: dict[str, tuple[int, str]]) -> tuple[Remote, ...]:
    return tuple(
        Remote(f"{folder}/{name}.gz", tuple(f"{base}{name}.gz" for base in bases), digest, size, unzip=True)
        for name, (size, digest) in known.items()
    )


def _amat(part: str, size: int, digest: str) -> Remote:
    name = f"binarized_mnist_{part}.amat"
    base = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
    return Remote(f"binarized_mnist/{name}", (base + name,), digest, size)


_MNIST = (
    "http://yann.lecun.com/exdb/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_FASHION = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
_CIFAR = "cifar-10-batches-bin"

REMOTES: dict[str, tuple[Remote, ...]] = {
    # content digests computed from files whose .gz digests are the published ones
    # (training images: the unzipped file has the published md5 6bbc9ace898e44ae57da46a324031adb)
    "mnist": _idx(
        "mnist",
        _MNIST,
        {
            "train-images-idx3-ubyte": (
                9912422,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            "train-labels-idx1-ubyte": (
                28881,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            "t10k-images-idx3-ubyte": (
                1648877,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            "t10k-labels-idx1-ubyte": (
                4542,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        },
    ),
    # content digests computed from files that have the four md5 sums that the authors publish
    "fashion-mnist": _idx(
        "fashion_mnist",
        _FASHION,
        {
            "train-images-idx3-ubyte": (
                26421880,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            "train-labels-idx1-ubyte": (
                29515,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            "t10k-images-idx3-ubyte": (
                4422102,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            "t10k-labels-idx1-ubyte": (
                5148,
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        },
    ),
    # digests of the content, equal to those in the registry of TensorFlow Datasets
    "binarized-mnist": (
        _amat("train", 78400000, "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"),
        _amat("valid", 15680000, "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"),
        _amat("test", 15680000, "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"),
    ),
    # the digest that scikit-learn checks for the same file
    "olivetti": (
        Remote(
            "faces/olivettifaces.mat",
            (
                "https://cs.nyu.edu/~roweis/data/olivettifaces.mat",
                "https://ndownloader.figshare.com/files/5976027",
            ),
            "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794",
        ),
    ),
    # size and digest in the registry of TensorFlow Datasets, for the file whose md5 the author
    # publishes as c32a1d4ab5d03f1284b67883e8d87530
    "cifar10": (
        Remote(
            "cifar10/cifar-10-binary.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170052171,
            members=(
                *(f"{_CIFAR}/data_batch_{i}.bin" for i in range(1, 6)),
                f"{_CIFAR}/test_batch.bin",
                f"{_CIFAR}/batches.meta.txt",
            ),
        ),
    ),
}
