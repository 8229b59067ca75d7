"""From a text to its sentences, and what each is: a greeting, a request, or what the customer struggles with. Pure."""

import re
import unicodedata

LONGEST = 160
_READ = 4_000
_MOST = 20
# No end of a sentence: "ca. 5", "e.g. this", "z.B. das", "Nr. 3", "14. Mai".
_SENTENCE = re.compile(
    r"(?<=[.!?…。！？])(?<!\b[A-Za-z]\.)(?<!\b(?:ca|vs|no|nr|st|dr|mr|ms)\.)(?<!\d\.)\s+|\n+", re.IGNORECASE
)
_UNSEEN = ("Cc", "Cf", "Cs", "Co")
# English | German | French | Spanish | Italian | Portuguese | Dutch | Polish, here and below.
_COURTESY = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|thanks?|thank you|many thanks|cheers"
    r"|(?:kind|best) regards"
    r"|hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte\w*|moin|servus|danke|vielen dank"
    r"|(?:viele|beste|liebe) grüße|mfg"
    r"|bonjour|bonsoir|salut|chère?s?|merci|cordialement|bien à vous"
    r"|hola|buen[oa]s? (?:días|tardes|noches)|estimad[oa]s?|gracias|muchas gracias|un saludo|saludos"
    r"|ciao|salve|buon ?giorno|buona ?sera|gentil[ei]|grazie|cordiali saluti"
    r"|olá|bom dia|boa (?:tarde|noite)|prezad[oa]s?|obrigad[oa]|cumprimentos"
    r"|hoi|beste|geachte|goede(?:morgen|middag|navond)|bedankt|dank (?:je|u)|(?:met vriendelijke )?groet(?:en|jes)?"
    r"|cześć|dzień dobry|szanown[ia]|witam|dziękuję|pozdrawiam)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 5
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_ASKING = re.compile(
    r"\b(?:"
    r"please (?:\w+ )?(?:add|make|let|allow|give|provide|support|fix|change|bring|implement|include|consider"
    r"|show|re-?check)"
    r"|(?:would|it'?d) be (?:\w+ ){0,2}(?:great|nice|good|helpful|useful|cool|lovely|a \d+) if"
    r"|(?:can|could|would|will) you (?:please )?(?:\w+ )?(?:add|make|let|allow|give|provide|support|fix|change"
    r"|bring|implement)"
    r"|(?:it|there|you|this) should (?:be|have|let|allow|offer|show|support|add)"
    r"|(?:i|we) (?:would|['\u2019]d) (?:like|love)|(?:i|we) (?:want|wish|need (?:an?|some) )|feature request"
    r"|any (?:plans|chance) (?:to|of|for)"
    r"|is there (?:a|any) (?:way|option|setting|possibility)|how about (?:adding|letting)"
    r"|bitte (?:\w+ ){0,4}(?:hinzu|einbauen|ermöglich|ergänz|änder|füg|mach|baut?)"
    r"|wäre (?:\w+ ){0,3}(?:toll|schön|super|gut|hilfreich)"
    r"|(?:könnt\w*|können) (?:ihr|sie) (?:\w+ ){0,8}(?:hinzufügen|einbauen|ermöglichen|machen|ändern)"
    r"|(?:es|man|ihr|sie) soll(?:te|ten|t)\b|(?:ich|wir) (?:möchten?|wünsch\w+|hätten? gern\w*|brauchen?)"
    r"|gibt es (?:\w+ ){0,2}möglichkeit"
    r"|(?:merci|prière) d(?:e |['\u2019])(?:\w+ )?(?:ajouter|permettre|rendre|prévoir)"
    r"|(?:ce )?serait (?:\w+ ){0,2}(?:bien|super|génial|utile|pratique)"
    r"|(?:pouvez|pourriez)[- ]vous (?:\w+ )?(?:ajouter|permettre|faire|prévoir)|il faudrait"
    r"|(?:j'|nous )aimeri?\w+|est-il possible|y a-t-il un moyen"
    r"|por favor,? (?:\w+ )?(?:añad|agreg|permit|hag|pong|incluy)\w*"
    r"|(?:estaría|sería|vendría) (?:\w+ ){0,2}(?:bien|genial|útil|bueno|ideal)"
    r"|(?:pueden|podrían|podéis|podrías) (?:\w+ )?(?:añadir|agregar|permitir|hacer|poner)"
    r"|debería\w* (?:\w+ )?(?:poder|haber|tener|permitir)"
    r"|(?:nos )?gustaría|hay (?:alguna )?(?:forma|manera) de"
    r"|per favore (?:\w+ )?(?:aggiung|permett|fate)\w*|sarebbe (?:\w+ ){0,2}(?:bello|utile|ottimo|comodo|bene)"
    r"|(?:potete|potreste) (?:\w+ )?(?:aggiungere|permettere|fare|mettere)"
    r"|dovrebbe (?:\w+ )?(?:esserci|poter|avere)|vorre(?:i|mmo)|c['\u2019]è (?:un )?modo"
    r"|por favor,? (?:\w+ )?(?:adicion|acrescent|permit|coloqu)\w*|seria (?:\w+ ){0,2}(?:bom|ótimo|útil|legal|ideal)"
    r"|(?:podem|poderiam|podiam) (?:\w+ )?(?:adicionar|acrescentar|permitir|colocar)"
    r"|deveria (?:\w+ )?(?:haver|ter|poder)|gostar(?:ia|íamos)|há (?:alguma )?(?:forma|maneira) de"
    r"|(?:graag|gelieve) (?:\w+ ){0,6}(?:toevoeg|mogelijk|aanpass|maken)\w*"
    r"|zou (?:\w+ ){0,3}(?:fijn|mooi|handig|geweldig|goed) zijn"
    r"|(?:kunnen jullie|kunt u) (?:\w+ ){0,8}(?:toevoegen|maken|aanpassen)"
    r"|(?:ik|wij|we) (?:wil(?:len)?|zou(?:den)?) (?:graag|willen)|is er (?:een )?(?:manier|mogelijkheid)"
    r"|proszę (?:\w+ )?(?:o dodanie|dodać|dodajcie|umożliwi)\w*|(?:fajnie|dobrze|świetnie|miło) by było"
    r"|byłoby (?:\w+ ){0,2}(?:dobrze|świetnie|fajnie|miło)"
    r"|(?:czy )?(?:możecie|moglibyście|mogą państwo) (?:\w+ )?(?:dodać|zrobić|umożliwić)"
    r"|powinn[oa] (?:\w+ )?(?:być|dać)|chciał(?:a)?bym|chcielibyśmy"
    r")",
    re.IGNORECASE,
)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text as readable lines of 160 characters at most, courtesies left out.

    The first 4,000 characters and 20 sentences count. A greeting in front of a sentence is cut off.
    """
    found = []
    for part in _SENTENCE.split(text[:_READ])[:_MOST]:
        line = _line(_without_greeting(_plain(part)))
        if line and not is_courtesy(line) and any(character.isalnum() for character in line):
            found.append(line)
    return found


def is_courtesy(line: str) -> bool:
    """Whether a sentence is no more than a greeting, thanks or a farewell."""
    return bool(_COURTESY.match(line)) and len(_WORD.findall(line)) < _FEW_WORDS


def is_request(line: str) -> bool:
    """Whether a sentence asks for something to be made ("please add", "would be great if"), in eight languages."""
    return bool(_ASKING.search(line))


def words_in(line: str) -> int:
    return len(_WORD.findall(line))


def _without_greeting(plain: str) -> str:
    """ "Hello, the export fails" → "the export fails"; only where a comma or dash ends the greeting."""
    head, mark, rest = plain.partition(",")
    if mark and rest.strip() and is_courtesy(head):
        rest = rest.strip()
        return rest[0].upper() + rest[1:]
    return plain


def _plain(text: str) -> str:
    """White space joined, control and direction marks gone, and the marks of lists and headings."""
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    return " ".join(kept.split()).lstrip("-*#>•· ").strip("*_` ")


def _line(plain: str) -> str:
    if len(plain) <= LONGEST:
        return plain
    head = plain[: LONGEST - 1]
    return (head[: head.rfind(" ")] if " " in head[LONGEST // 2 :] else head) + "…"
