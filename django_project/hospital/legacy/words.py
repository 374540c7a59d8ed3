"""Names, streets and numbers that a town's hospital would have on file.

Nothing here can reach anyone: telephone numbers are from the ranges that Ofcom keeps for film and
television, NHS numbers from one that is not issued, mailboxes on names reserved for examples.
"""

from __future__ import annotations

FIRST_NAMES: tuple[tuple[str, str], ...] = tuple(
    (name, gender)
    for gender, names in {
        "F": """Abigail Aisha Amelia Ana Anneliese Bronwen Chloé Chiara Deborah Eilidh Elif Emily Fatima
            Françoise Freya Grace Hannah Inês Ingrid Jasmine Joanna Karen Khadija Lakshmi Leah Lucía
            Margaret Mei Mónica Naomi Ngozi Niamh Nadia Olivia Patricia Priya Renée Rosalind Ruth Saoirse
            Shabana Siân Siobhán Sofia Susan Thuy Valérie Wanjiku Yasmin Yuki Zainab Zoë""",
        "M": """Abdul Adebayo Alejandro Andrew Anil Arjun Björn Callum Carlos Chidi Christopher Daniel
            David Dylan Edward Emeka François Gareth George Günter Haruto Ibrahim Imran Isaac Jack Jérôme
            João Joseph Kofi Kwame Liam Luís Manuel Michael Mohammed Nikhil Oliver Omar Owain Pádraig
            Paul Pierre Rajesh Robert Rubén Samuel Seán Søren Stephen Tariq Thomas Wei William Yusuf""",
        "O": "Alex Ashley Jordan Kit Morgan Robin Rowan Sam",
    }.items()
    for name in names.split()
)
"""Given names with the code that the old system has for the sex."""

LAST_NAMES: tuple[str, ...] = tuple(
    """Adeyemi Ahmed Ali Allen Andersson Baker Begum Bennett Brown Campbell Carter Castro Chaudhry Chen
    Clarke Cohen Cooper Costa Davies Delacroix Desai Diallo D'Souza Dubois Edwards Evans Fernandes
    Ferrari Fischer Foster García González Gordon Green Griffiths Gupta Hall Hansen Harris Hassan Hill
    Hughes Hussain Iqbal Jackson Johnson Jones Kaur Kelly Khan Kim King Kowalska Kowalski Kumar Lee
    Lefèvre Lewis Li López Malik Martin Mensah Mitchell Moore Morgan Morris Müller Murphy Nakamura Ncube
    Nguyen Novák O'Brien O'Connor Okafor Okonkwo Ó'Dónaill Patel Pérez Phillips Popescu Price Rahman Reid
    Roberts Robinson Rodríguez Rossi Schröder Sharma Silva Singh Smith Sørensen Stewart Szabó Taylor
    Thomas Thompson Turner Walker Wang Ward Watson White Williams Wilson Wood Wright Wu Young
    Smith-Jones Ellis-Hughes Vélez-Ortiz""".split()
)

ACCENTED_LAST_NAMES: tuple[str, ...] = tuple(name for name in LAST_NAMES if not name.isascii())

STREETS: tuple[str, ...] = (
    "Abbey Lane", "Albert Road", "Back Lane", "Bridge Street", "Broadway", "Canal Street",
    "Castle Hill", "Cedar Avenue", "Chapel Lane", "Church Street", "Cliff Road", "Cross Street",
    "Eastgate", "Elm Grove", "Farm Close", "George Street", "Grange Road", "Green Lane", "Grove Road",
    "Hawthorn Drive", "Highfield Road", "High Street", "Kings Road", "Lime Avenue", "London Road",
    "Main Street", "Manor Road", "Meadow View", "Mill Lane", "New Street", "North Road", "Oak Avenue",
    "Orchard Close", "Park Avenue", "Park Road", "Quarry Hill", "Queen Street", "Richmond Road",
    "School Lane", "Springfield Road", "Station Road", "Stoney Croft", "The Crescent", "The Green",
    "Tudor Close", "Union Street", "Victoria Road", "Water Lane", "Wellington Street", "York Road",
)  # fmt: skip

TOWNS: tuple[tuple[str, str], ...] = (
    ("Leeds", "LS"), ("Bradford", "BD"), ("Huddersfield", "HD"), ("Halifax", "HX"), ("Wakefield", "WF"),
    ("Harrogate", "HG"), ("York", "YO"), ("Sheffield", "S"), ("Hull", "HU"), ("Doncaster", "DN"),
)  # fmt: skip
"""Towns with the letters that their postcodes start with."""

POSTCODE_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
"""The letters that the second half of a postcode uses."""

DIALLING_CODES: tuple[str, ...] = ("0113 496 0", "0114 496 0", "0161 496 0", "0191 498 0", "020 7946 0")
"""Beginnings of numbers that no telephone has; three digits follow."""

MAIL_HOSTS: tuple[str, ...] = ("example.org", "example.com", "example.net", "mail.example", "post.example")

NOTES: tuple[str, ...] = (
    "Needs an interpreter.",
    "Prefers appointments in the morning.",
    "Wheelchair access needed.",
    "Hard of hearing: please write, do not telephone.",
    "Interpreter for français or português.",
    "Lives with carer; letters to both.",
    "Fainted in the café on the ground floor in 2014.",
    "Moved here from Curaçao; old file requested.",
    "Allergic to latex.",
    "Does not want voicemail messages.",
)

CLINICIANS: tuple[tuple[str | None, str], ...] = (
    ("Dr", "Adeyemi"), ("Dr", "Brown"), ("Dr", "García"), ("Dr", "Hussain"), ("Dr", "Kowalska"),
    ("Dr", "Müller"), ("Dr", "Nakamura"), ("Dr", "O'Connor"), ("Dr", "Sharma"), ("Mr", "Griffiths"),
    ("Mr", "Okafor"), ("Miss", "Lefèvre"), ("Prof", "Cohen"), ("Prof", "Schröder"), ("Sister", "Begum"),
    ("Nurse", "Taylor"), (None, "Walk-in clinic"), (None, "Physiotherapy team"),
)  # fmt: skip
"""Titles and names; a team has no title."""

REASONS: tuple[str, ...] = (
    "Annual review", "Blood test", "Blood pressure check", "Chest pain, second opinion",
    "Crohn's disease, follow-up", "Fracture clinic", "Guillain-Barré syndrome, follow-up",
    "Hearing test", "Knee pain", "Ménière's disease", "MRI of the lower back", "New referral by GP",
    "Post-operative check", "Raynaud's phenomenon", "Sjögren's syndrome", "Skin lesion",
    "Travel vaccination", "Wound dressing", "X-ray of the left hand",
)  # fmt: skip

FEES: tuple[str, ...] = ("12.50", "18.00", "25.00", "40.00", "65.00", "120.00", "245.75")
