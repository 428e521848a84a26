"""Inputs on which the program was once wrong, by the fault that they show."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng


def _write(name, header, rows):
    Path(name).write_text("\n".join([*header, *rows]) + "\n", encoding="utf-8")
    return name


def _cells(values, digits=3, mark=","):
    return mark.join(f"{value:.{digits}f}" for value in values)


def f01_bits():
    """Coin flips under a key."""
    np.savez("grown.npz", x=(RNG(0).random((300, 20)) < 0.5).astype("u1"))
    return "grown.npz"


def f02_whole_numbers():
    """Salaries, ages and years."""
    r, n = RNG(0), 200
    columns = [np.exp(r.normal(10.8, 0.4, n)).round(), r.integers(18, 80, n), 2000 + r.integers(0, 24, n)]
    rows = [f"{_cells(v, 0)},{r.normal():.3f}" for v in zip(*columns)]
    return _write("people.csv", ["salary,age,year,x"], rows)


def f03_times():
    """Unix times, which single precision takes for one number."""
    np.save("times.npy", 1.7e9 + 5 * RNG(0).normal(size=(300, 2)))
    return "times.npy"


def f04_one_class():
    """A column of one text."""
    return _write("onesite.csv", ["site,x"], [f"A,{v:.3f}" for v in RNG(0).normal(size=60)])


def f05_sensor():
    """Real vectors."""
    np.save("sensor.npy", RNG(0).normal(size=(300, 3)))
    return "sensor.npy"


def f06_years():
    """A header of years."""
    rows = [_cells(v) for v in RNG(0).normal(size=(80, 3))]
    return _write("years.csv", ["2019,2020,2021"], rows)


def f06_numbered():
    """The header of a data frame whose columns are numbered."""
    rows = [_cells(v) for v in RNG(0).normal(size=(80, 3))]
    return _write("frame.csv", ["0,1,2"], rows)


def f07_prices():
    """Decimal commas with few different values."""
    rows = [f"{v:.1f};{i % 7}".replace(".", ",") for i, v in enumerate(RNG(0).uniform(1, 5, 200))]
    return _write("price.csv", ["price;size"], rows)


def f07_no_header():
    """Decimal commas without a header."""
    rows = [_cells(v, 1, ";").replace(".", ",") for v in RNG(0).uniform(1, 5, (200, 3))]
    return _write("nohead.csv", [], rows)


def f09_index():
    """The row number that data frames write first."""
    rows = [f"{i},{_cells(v)}" for i, v in enumerate(RNG(0).normal(size=(60, 2)))]
    return _write("indexed.csv", [",x,y"], rows)


def f12_zip_codes():
    """Codes with zeros in front."""
    codes = ["02139", "10001", "00501", "06520"]
    return _write(
        "zip.csv", ["zip,x"], [f"{codes[i % 4]},{v:.3f}" for i, v in enumerate(RNG(0).normal(size=60))]
    )


def _turned(kind):
    tag = Image.Exif()
    tag[0x0112] = 6
    picture = Image.fromarray((np.arange(36).reshape(3, 4, 3) * 7).astype("u1"))
    Path(f"turned-{kind}").mkdir()
    for i in range(12):
        picture.save(f"turned-{kind}/{i}.{kind}", exif=tag)
    return f"turned-{kind}"


def f16_turned_png():
    """Pictures with an orientation tag: PNG."""
    return _turned("png")


def f16_turned_jpg():
    """Pictures with an orientation tag: JPEG."""
    return _turned("jpg")


def f17_moving():
    """Animated PNG files."""
    Path("moving").mkdir()
    for i in range(12):
        frames = [Image.fromarray(np.full((4, 4, 3), 10 * i + 60 * k, "u1")) for k in range(3)]
        frames[0].save(f"moving/{i}.png", save_all=True, append_images=frames[1:])
    return "moving"


def f18_left_out():
    """Pictures of several kinds beside notes and a document."""
    Path("mixed").mkdir()
    for i in range(12):
        picture = Image.fromarray((np.arange(64).reshape(8, 8) + i).astype("u1"))
        picture.save(f"mixed/{i}.png")
        picture.save(f"mixed/{i}b.gif")
        picture.save(f"mixed/{i}c.jfif", format="JPEG")
        Path(f"mixed/{i}.heic").write_bytes(b"none of ours")
    return "mixed"


def _pgm(most, values):
    Path(f"pgm{most}").mkdir()
    for i in range(12):
        Path(f"pgm{most}/{i}.pgm").write_bytes(b"P5\n8 8\n%d\n" % most + np.roll(values, i).tobytes())
    return f"pgm{most}"


def f19_maximum_15():
    """PGM files with a maximum of 15."""
    return _pgm(15, (np.arange(64).reshape(8, 8) * 3).astype("u1") // 16)


def f19_maximum_200():
    """PGM files with a maximum of 200."""
    return _pgm(200, (np.arange(64).reshape(8, 8) * 3).astype("u1"))


def f20_streamed():
    """Recordings from a pipe, whose length the header does not know."""
    Path("piped").mkdir()
    for i in range(12):
        data = (np.sin(np.arange(400) / (5 + i)) * 16000).astype("<i2").tobytes()
        form = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        unknown = struct.pack("<I", 0xFFFFFFFF)
        Path(f"piped/{i}.wav").write_bytes(b"RIFF" + unknown + form + b"data" + unknown + data)
    return "piped"


def f23_blank_in_name():
    """One column whose name has a blank."""
    return _write("mass.csv", ["body mass"], [f"{v:.3f}" for v in RNG(0).normal(size=60)])


def f27_comment():
    """A comment above the header."""
    rows = [_cells(v) for v in RNG(0).normal(size=(60, 2))]
    return _write("comment.csv", ["# station 5, 2020", "a,b"], rows)


def f27_answers():
    """The classes yes and no."""
    rows = [f"{['yes', 'no'][i % 2]},{v:.3f}" for i, v in enumerate(RNG(0).normal(size=60))]
    return _write("answers.csv", ["answer,x"], rows)


def f27_one_column():
    """An array of one column."""
    np.save("one.npy", RNG(0).normal(size=(100, 1)))
    return "one.npy"


def e2_slides():
    """16-bit images that use a small part of their range."""
    import tifffile

    r = RNG(0)
    for s in range(6):
        Path(f"slides/slide{s}").mkdir(parents=True)
        for i in range(10):
            h, w = int(r.integers(48, 97)), int(r.integers(48, 97))
            y, x = np.mgrid[:h, :w]
            a = np.full((h, w), 600.0)
            for _ in range(12):
                cy, cx, sd = r.uniform(0, h), r.uniform(0, w), r.uniform(2, 5)
                a += r.uniform(800, 6000) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sd**2))
            tifffile.imwrite(f"slides/slide{s}/{i}.tif", r.poisson(a).clip(0, 6900).astype(np.uint16))
    return "slides"


def none_as_a_class():
    """An outcome called none in half of the rows, and gaps called NA among numbers."""
    r = RNG(0)
    words = ["none", "none", "mild", "severe"]
    rows = [f"{words[i % 4]},{'NA' if i % 9 == 4 else f'{r.normal():.3f}'}" for i in range(90)]
    return _write("outcome.csv", ["outcome,marker"], rows)


CASES = (
    *(f01_bits, f02_whole_numbers, f03_times, f04_one_class, f05_sensor, f06_years, f06_numbered),
    *(f07_prices, f07_no_header, f09_index, f12_zip_codes, f16_turned_png, f16_turned_jpg, f17_moving),
    *(f18_left_out, f19_maximum_15, f19_maximum_200, f20_streamed, f23_blank_in_name, f27_comment),
    *(f27_answers, f27_one_column, e2_slides, none_as_a_class),
)
