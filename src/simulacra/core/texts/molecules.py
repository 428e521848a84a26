"""Validity of molecules written as SMILES: brackets, rings, bonds and valences.

With the extra `molecules`, `rdkit` judges: it also knows which rings are aromatic. Without it, a text is
valid if its atoms, bonds, branches and ring numbers are well formed, aromatic atoms lie in rings, and no
atom of the organic subset has more bonds than

    B 3   C 4   N 3   O 2   P 5   S 6   F, Cl, Br 1   I 5

where aromatic bonds count 1, and N with two double bonds to O has up to 5 (nitro groups). This check accepts
what `rdkit` accepts, except for rare valences, and also some texts that `rdkit` refuses.

Reference: Weininger, SMILES, a chemical language and information system, 1988; the OpenSMILES specification.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulacra.core.spaces.tokenizers import split
from simulacra.core.texts.validity import Check

NITRO = 5  # most bonds of N with two double bonds to O
MOST = {"B": 3, "C": 4, "N": 3, "O": 2, "P": 5, "S": 6, "F": 1, "Cl": 1, "Br": 1, "I": 5}
AROMATIC = "bcnops"
ORDERS = {"": 1, "-": 1, "=": 2, "#": 3, "$": 4, ":": 1, "/": 1, "\\": 1}
SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr "
    "Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta "
    "W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs "
    "Mt Ds Rg Cn Nh Fl Mc Lv Ts Og b c n o p s se as te *"
)
ELEMENTS = frozenset(re.findall(r"\S+", SYMBOLS))
BRACKET = re.compile(
    r"\[\d{0,3}(?P<symbol>[A-Z][a-z]?|[a-z]{1,2}|\*)(@{1,2})?(H\d?)?(\+{1,3}|-{1,3}|[+-]\d{1,2})?(:\d+)?\]"
)
RING = re.compile(r"\d|%\d\d")


def molecules() -> Check:
    """Returns the check of molecules: by `rdkit` where it is installed, otherwise by `is_molecule`."""
    if importlib.util.find_spec("rdkit") is not None:
        return Check(accepted_by_rdkit, "rdkit")
    return Check(is_molecule, "brackets, rings, bonds and valences; not which rings are aromatic")


def accepted_by_rdkit(text: str) -> bool:
    """Returns True if `rdkit` reads a text as a molecule with atoms; it needs the extra `molecules`.

    Args:
        text: SMILES.
    """
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    # rdkit takes what follows white space for a name
    found = None if re.search(r"\s", text) else Chem.MolFromSmiles(text)
    return found is not None and found.GetNumAtoms() > 0


def is_molecule(text: str) -> bool:
    """Returns True if a text is SMILES in which `flaw` finds nothing.

    Args:
        text: SMILES.

    Example:
        >>> [is_molecule(text) for text in ("CC(=O)O", "c1ccccc1", "CC(", "C1CC", "C=O=C", "cc")]
        [True, True, False, False, False, False]
    """
    return not flaw(text)


def flaw(text: str) -> str:
    """Returns the first flaw of SMILES in words; an empty string if there is none.

    Args:
        text: SMILES.

    Example:
        >>> flaw("C1CC"), flaw("CC)C"), flaw("CO(C)C")
        ('ring 1 is open', 'a branch closes that is not open', 'O has 3 bonds')
    """
    reader = _Reader()
    try:
        for token in split(text, "smiles"):
            reader.take(token)
        reader.end()
    except Flaw as found:
        return str(found)
    return ""


class Flaw(ValueError):
    """A flaw of SMILES."""


@dataclass
class _Molecule:
    """Atoms and bonds that have been read.

    Args:
        atoms: symbol of each atom, with its brackets if it has any.
        bonds: order of the bond of two atoms.
    """

    atoms: list[str] = field(default_factory=list)
    bonds: dict[tuple[int, int], int] = field(default_factory=dict)

    def join(self, a: int, b: int, bond: str) -> None:
        """Adds a bond.

        Args:
            a: number of an atom.
            b: number of the other.
            bond: mark of the bond.
        """
        pair = (min(a, b), max(a, b))
        if a == b or pair in self.bonds:
            raise Flaw(f"atoms {pair[0] + 1} and {pair[1] + 1} have two bonds")
        self.bonds[pair] = ORDERS[bond]


@dataclass
class _Reader:
    """State of the parser after the tokens that it has read.

    Args:
        made: atoms and bonds so far.
        rings: atom and mark of the bond of each open ring, by its number.
        branches: the atom at which each open branch begins.
        at: the atom that the next one is bound to; -1: none.
        bond: mark of the bond before the next atom.
        begun: True right behind the beginning of a branch.
    """

    made: _Molecule = field(default_factory=_Molecule)
    rings: dict[str, tuple[int, str]] = field(default_factory=dict)
    branches: list[int] = field(default_factory=list)
    at: int = -1
    bond: str = ""
    begun: bool = False

    def take(self, token: str) -> None:
        """Reads one token."""
        if token in ORDERS:
            self._need(self.at >= 0 and not self.bond, f"the bond {token} has no atom before it")
            self.bond, self.begun = token, False
        elif token == "(":
            self._need(self.at >= 0 and not (self.bond or self.begun), "a branch begins without an atom")
            self.branches.append(self.at)
            self.begun = True
        elif token == ")":
            self._need(bool(self.branches), "a branch closes that is not open")
            self._need(not (self.bond or self.begun), "a branch ends without an atom")
            self.at = self.branches.pop()
        elif token == ".":
            self._need(self.at >= 0 and not (self.bond or self.branches), "a part ends in a bond or branch")
            self.at = -1
        elif RING.fullmatch(token):
            self._need(self.at >= 0 and not self.begun, f"ring {token} has no atom before it")
            self._ring(token.lstrip("%").lstrip("0") or "0")
        else:
            self._atom(_symbol(token))

    def end(self) -> None:
        """Raises Flaw if anything is open."""
        self._need(not self.rings, f"ring {next(iter(self.rings), '')} is open")
        self._need(not self.bond, "a bond has no atom behind it")
        self._need(not self.branches, "a branch is open")
        self._need(self.at >= 0, "there is no atom")
        _check_atoms(self.made)

    def _atom(self, symbol: str) -> None:
        number = len(self.made.atoms)
        self.made.atoms.append(symbol)
        if self.at >= 0:
            self.made.join(self.at, number, self.bond)
        self.at, self.bond, self.begun = number, "", False

    def _ring(self, number: str) -> None:
        """Opens a ring, or closes it."""
        bond, self.bond = self.bond, ""
        if number not in self.rings:
            self.rings[number] = (self.at, bond)
            return
        begin, first = self.rings.pop(number)
        equal = not (first and bond) or ORDERS[first] == ORDERS[bond]
        self._need(equal, f"ring {number} opens with {first} and closes with {bond}")
        self.made.join(begin, self.at, first or bond)

    def _need(self, fine: bool, otherwise: str) -> None:
        if not fine:
            raise Flaw(otherwise)


def _symbol(token: str) -> str:
    """Returns the symbol of an atom, with its brackets if it has any.

    Raises:
        Flaw: if it is no atom.
    """
    if token in MOST or token in (*AROMATIC, "*"):
        return token
    found = BRACKET.fullmatch(token)
    if found is None or found["symbol"] not in ELEMENTS:
        raise Flaw(f"{token} is no atom")
    return f"[{found['symbol']}]"


def _check_atoms(made: _Molecule) -> None:
    """Raises Flaw if an atom has too many bonds, or an aromatic atom lies in no ring."""
    total, near, oxo = ([0] * len(made.atoms) for _ in range(3))
    for (a, b), order in made.bonds.items():
        for atom, other in ((a, b), (b, a)):
            total[atom] += order
            near[atom] += 1
            oxo[atom] += order == 2 and made.atoms[other] == "O"
    rings = ring_atoms(len(made.atoms), made.bonds)
    for atom, symbol in enumerate(made.atoms):
        plain = symbol.strip("[]")
        if plain.islower() and atom not in rings:
            raise Flaw(f"{symbol} is aromatic, but lies in no ring")
        if symbol.startswith("[") or symbol == "*":
            continue
        most = NITRO if symbol == "N" and oxo[atom] == 2 else MOST[symbol.capitalize()]
        if total[atom] > most or (symbol == "c" and near[atom] > 3):
            raise Flaw(f"{symbol} has {total[atom]} bonds")


def ring_atoms(atoms: int, bonds: Iterable[tuple[int, int]]) -> set[int]:
    """Returns the atoms that lie in a ring: the ends of bonds whose removal does not split the molecule.

    Args:
        atoms: number of atoms.
        bonds: pairs of atoms, each once.

    Example:
        >>> sorted(ring_atoms(5, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4)]))
        [0, 1, 2]
    """
    near: list[list[int]] = [[] for _ in range(atoms)]
    for a, b in bonds:
        near[a].append(b)
        near[b].append(a)
    # depth-first search: order of visits of the atoms, and the earliest atom reached from the subtree of each
    place, low, found = [-1] * atoms, [0] * atoms, set()
    for root in range(atoms):
        way = [] if place[root] >= 0 else [(root, -1, iter(near[root]))]
        while way:
            atom, before, rest = way[-1]
            if place[atom] < 0:
                place[atom] = low[atom] = max(place) + 1
            other = next((o for o in rest if o != before), None)
            if other is None:
                way.pop()
                if before >= 0:
                    low[before] = min(low[before], low[atom])
                    found |= {atom, before} if low[atom] <= place[before] else set()
            elif place[other] < 0:
                way.append((other, atom, iter(near[other])))
            else:
                low[atom] = min(low[atom], place[other])
    return found
