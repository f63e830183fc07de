"""People for a directory: believable, the same every time, and as awkward as real ones."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

MAIL_DOMAIN: Final = "example.org"
REPORTS: Final = 8  # people per manager, and departments below the managing director

# Given names and family names that go together. Latin spellings stand beside scripts that have none.
NAMES: Final = (
    (("Björn", "Åsa", "Märta", "Göran"), ("Ahlgren", "Öberg", "Sjöström", "Lindqvist")),
    (("Jürgen", "Käthe", "Anna-Lena", "Sören"), ("Müller", "Groß", "von Weizsäcker", "Köhler")),
    (("Siobhán", "Dermot", "Aoife", "Sean"), ("O'Brien", "Ní Dhuibhne", "MacCarthy", "Byrne")),
    (("Zoë", "François", "Hélène", "Loïc"), ("Lefèvre", "D'Aubigné", "Garçon", "Noël")),
    (("Łukasz", "Małgorzata", "Żaneta", "Jan"), ("Żółtowski", "Wójcik", "Święty", "Łącki")),
    (("Priya", "Arjun", "Meera", "Ravi"), ("Iyer", "Chandrasekhar", "Patel", "Rao")),
    (("Grace", "Oliver", "Amelia", "Samuel"), ("Hughes", "Smith-Jones", "Okafor", "Clarke")),
    (("太郎|taro", "花子|hanako", "健|ken", "美咲|misaki"), ("山田|yamada", "佐藤|sato", "鈴木|suzuki", "渡辺|watanabe")),
    (("伟|wei", "芳|fang", "秀英|xiuying", "敏|min"), ("王|wang", "李|li", "张|zhang", "欧阳|ouyang")),
    (("Nguyễn Ánh", "Đức", "Phương", "Tuấn"), ("Trần", "Lê", "Đặng", "Bùi")),
)  # fmt: skip

DEPARTMENTS: Final = {
    "Finance": ("Accountant", "Payroll Officer", "Financial Controller"),
    "Sales, Europe": ("Account Manager", "Sales Engineer", "Verkäufer im Außendienst"),
    "Sales, Asia": ("Account Manager", "Partner Manager", "営業担当"),
    "IT Services": ("Service Desk Analyst", "Systems Engineer", "Network Engineer"),
    "Research & Development": ("Developer", "Test Engineer", 'Architect "Platform"'),
    "People": ("Recruiter", "HR Adviser", "Training Coordinator"),
    "Operations": ("Warehouse Clerk", "Dispatcher", "Buyer"),
    "Legal": ("Counsel", "Contract Manager", "Paralegal"),
}
BOARD: Final = "Board"


@dataclass(frozen=True, slots=True)
class Person:
    """What a directory knows of one person; `manager` is the uid of another."""

    uid: str
    cn: str
    given_name: str
    sn: str
    mail: str | None
    title: str
    telephone_number: str
    mobile: str | None
    department: str
    manager: str | None
    employee_number: str
    disabled: bool


def people(number: int) -> tuple[Person, ...]:
    """The first `number` people of the company; a longer list begins like a shorter one."""
    return tuple(islice(_company(), number))


def _company() -> Iterator[Person]:
    namesakes: Counter[str] = Counter()
    uids: list[str] = []
    for index in count():
        given, family = _names(index)
        login = f"{_latin(given)}.{_latin(family)}"
        namesakes[login] += 1
        uid = login if namesakes[login] == 1 else f"{login}{namesakes[login]}"
        uids.append(uid)
        yield _person(index, uid, _written(given), _written(family), uids)


def _person(index: int, uid: str, given: str, family: str, uids: list[str]) -> Person:
    department, title = _position(index)
    return Person(
        uid=uid,
        cn=_common_name(index, given, family),
        given_name=given,
        sn=family,
        mail=None if index % 37 == 36 else f"{uid}@{MAIL_DOMAIN}",
        title=title,
        telephone_number=f"+44 20 7946 {index % 10_000:04d}",
        mobile=f"+44 7700 9{index % 100_000:05d}" if index % 3 else None,
        department=department,
        manager=uids[_manager(index)] if index else None,
        employee_number=f"{10_001 + index}",
        disabled=index % 11 == 10,
    )


def _names(index: int) -> tuple[str, str]:
    """A pair from one culture; the pairs repeat only after all have been used."""
    givens, families = NAMES[index % len(NAMES)]
    turn = index // len(NAMES)
    return givens[turn % len(givens)], families[turn // len(givens) % len(families)]


def _common_name(index: int, given: str, family: str) -> str:
    """Mostly "Given Family", and now and then what breaks a naive parser."""
    if index % 13 == 12:
        return f"{family}, {given}"
    if index % 17 == 16:
        return f'{given} "{given[:2]}" {family}'
    return f"{given} {family}"


def _manager(index: int) -> int:
    return (index - 1) // REPORTS


def _position(index: int) -> tuple[str, str]:
    """Department and title, from the place in the tree of managers."""
    if index == 0:
        return BOARD, "Managing Director"
    head = index
    while _manager(head) != 0:
        head = _manager(head)
    department, titles = list(DEPARTMENTS.items())[head - 1]
    if head == index:
        return department, f"Head of {department}"
    return department, titles[index % len(titles)]


def _written(name: str) -> str:
    return name.partition("|")[0]


def _latin(name: str) -> str:
    """A name as it stands in a login: small ASCII letters, joined by hyphens."""
    spelled = name.rpartition("|")[2].replace("'", "")
    for letter, spelling in (("ß", "ss"), ("Ł", "L"), ("ł", "l"), ("Đ", "D"), ("đ", "d")):
        spelled = spelled.replace(letter, spelling)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "-")
