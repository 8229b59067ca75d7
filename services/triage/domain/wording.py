"""How bad the words themselves say it is: a small lexicon of what customers say when they are hurt. Pure.

Each sign has a weight between 0 and 1 and the same meaning in eight languages. A text weighs what its heaviest sign
weighs, so that shouting adds nothing; a problem, the mean over its voices, with two calm voices added. A sign counts as
said also when it is denied ("nothing was lost"): the lexicon is small enough to be read, and the parts are shown.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.triage.domain.worth import NEUTRAL_VOICES

_READ = 4_000

# Sign → its weight, and what it is recognised by: English | German | French | Spanish | Italian | Portuguese | Dutch |
# Polish. Each begins at a word's beginning and may end in the middle of one.
LEXICON: Mapping[str, tuple[float, str]] = {
    "data loss": (
        1.0,
        r"data loss"
        r"|(?:lost|lose|losing|deleted|erased|wiped) (?:\w+ ){0,3}(?:data|work|files?|entries|appointments?|notes?)"
        r"|(?:data|work|files?|everything|appointments?|notes?) (?:\w+ ){0,2}(?:lost|gone|deleted|vanished|disappeared)"
        r"|datenverlust|daten (?:\w+ ){0,2}(?:weg|verloren|gelöscht)|perte de données"
        r"|données (?:\w+ ){0,2}(?:perdu|effac)"
        r"|perdid[oa]s? (?:\w+ ){0,3}datos|pérdida de datos|datos (?:\w+ ){0,2}(?:perdid|borrad)|perdita di dati"
        r"|dati (?:\w+ ){0,2}(?:pers|cancellat)|perda de dados|dados (?:\w+ ){0,2}(?:perdid|apagad)"
        r"|gegevens (?:\w+ ){0,2}(?:kwijt|verloren|gewist)|utrat\w+ danych"
        r"|dane (?:\w+ ){0,2}(?:zniknęły|stracon|utracon)",
    ),
    "security": (
        1.0,
        r"security (?:hole|breach|issue|problem)|data (?:breach|leak)|hacked|leaked"
        r"|sees? (?:\w+ ){0,2}other (?:customer|patient|user)s?\b"
        r"|sicherheitsl[üu]cke|datenleck|datenpanne|gehackt|faille de sécurité|fuite de données|piraté"
        r"|brecha de seguridad|fuga de datos|hackead|falla di sicurezza|violazione dei dati|falha de segurança"
        r"|beveiligingslek|datalek|gehackt|wyciek danych|włamani",
    ),
    "wrong charge": (
        0.9,
        r"(?:charged|billed|paid|debited) (?:\w+ ){0,3}(?:twice|double|two times|again|wrong)"
        r"|double[- ]?(?:charged|billed|payment)"
        r"|(?:doppelt|zweimal|falsch) (?:\w+ ){0,2}(?:abgebucht|berechnet|belastet|bezahlt)"
        r"|(?:débité|facturé|prélevé)\w* (?:\w+ ){0,2}deux fois"
        r"|(?:cobrad|cobrar|cobro|cobraron|facturad)\w* (?:\w+ ){0,2}(?:dos veces|doble)"
        r"|addebitat\w* (?:\w+ ){0,2}(?:due volte|doppi)"
        r"|cobrad\w* (?:\w+ ){0,2}(?:duas vezes|em dobro)"
        r"|(?:dubbel|twee keer) (?:\w+ ){0,2}(?:betaald|afgeschreven|gefactureerd)"
        r"|(?:podwójnie|dwa razy) (?:\w+ ){0,2}(?:obciąż|pobran|zapłac)",
    ),
    "legal": (
        0.9,
        r"lawyer|attorney|legal action|lawsuit|sue you|gdpr|against the law|illegal|regulator"
        r"|anwalt|rechtsanw[aä]lt|rechtliche schritte|klage|dsgvo|avocat|action en justice|poursuites|rgpd"
        r"|abogad|demanda legal|acciones legales|avvocat|azion\w+ legal|advogad|ação judicial|processar"
        r"|advocaat|juridische stappen|avg-|prawnik|adwokat|rodo\b|pozew",
    ),
    "cancelling": (
        0.8,
        r"cancel(?:l?ing|led)? (?:my|our|the|this) (?:\w+ )?(?:subscription|account|contract|plan|membership)"
        r"|switch(?:ing)? to (?:a|another) (?:competitor|provider|tool)"
        r"|leav(?:e|ing) you|(?:will|going to) leave|close my account|k[üu]ndig(?:e|en|ung)"
        r"|wechseln? (?:\w+ ){0,3}(?:anbieter|konkurren)"
        r"|résili|changer de (?:fournisseur|prestataire)|dar(?:me|nos)? de baja"
        r"|cancelar (?:mi|nuestra|la) (?:suscripción|cuenta)"
        r"|disd(?:ire|ico|etta) (?:\w+ ){0,2}(?:abbonamento|contratto)"
        r"|cancelar (?:a )?(?:minha )?(?:assinatura|conta|subscrição)"
        r"|opzeg|zeg (?:\w+ ){0,3}op\b|rezygnuj|wypowiad\w+ umow",
    ),
    "refund": (
        0.7,
        r"refund|money back|chargeback|rückerstattung|geld zurück|erstatt|rembours|reembolso"
        r"|devuel\w+ (?:\w+ ){0,2}dinero"
        r"|rimbors|estorno|geld terug|terugbetal|zwrot\w* (?:pieniędzy|środków|kosztów)|zwróćcie",
    ),
    "crash": (
        0.7,
        r"crash|freez(?:e|es|ing)|frozen|hangs up|white screen|abgestürzt|stürzt (?:\w+ ){0,3}ab|absturz"
        r"|friert ein|hängt sich auf"
        r"|plant(?:e|é|age)\b|se ferme|se cierra sol|se cuelga|se bloquea|si blocca|si chiude da sol"
        r"|va in crash|trava\b|travou|fecha sozinh"
        r"|loopt vast|vastgelopen|zawiesza|wysypuje",
    ),
    "cannot go on": (
        0.6,
        r"can ?not|can['\u2019]?t|unable to|it(?: is|'s) impossible|no way to|does ?n['\u2019]t work"
        r"|does not work|not working|stopped working|broken"
        r"|(?:kann|können|konnte) (?:\w+ ){0,5}nicht|geht nicht|funktioniert nicht|unmöglich|kaputt"
        r"|ne (?:peu[txv]\w*|pouvons|fonctionne\w*|marche\w*)|n['\u2019]arriv\w+ (?:pas|plus)|impossible de"
        r"|no (?:puedo|puede|podemos|pueden|funciona|me deja|se puede)|imposible"
        r"|non (?:posso|può|possiamo|riesc\w+|funziona)|impossibile"
        r"|não (?:consigo|consegue|conseguimos|posso|podemos|funciona|dá para)"
        r"|(?:kan|kunnen) (?:\w+ ){0,5}niet|werkt niet|lukt niet"
        r"|nie (?:mogę|można|możemy|działa|da się)",
    ),
    "urgent": (
        0.6,
        r"urgent|asap|as soon as possible|immediately|emergency|critical|dringend|sofort"
        r"|so schnell wie möglich|notfall"
        r"|au plus vite|immédiatement|urgence|urgente|lo antes posible|inmediatamente|cuanto antes"
        r"|il prima possibile|subito\b"
        r"|o mais rápido possível|imediatamente|spoed|zo snel mogelijk|onmiddellijk|pilne|natychmiast"
        r"|jak najszybciej",
    ),
    "money lost": (
        0.6,
        r"(?:los[et]|losing|costs? (?:us|me)) (?:\w+ ){0,3}(?:money|revenue|income|customers?|clients?|patients?|sales)"
        r"|(?:verlieren|verloren|kostet uns) (?:\w+ ){0,3}(?:geld|umsatz|kunden|patienten)"
        r"|perd(?:re|ons|u) (?:\w+ ){0,3}(?:argent|clients?|patients?)"
        r"|perd(?:er|emos|iendo|imos) (?:\w+ ){0,3}(?:dinero|clientes|pacientes)"
        r"|perd(?:ere|iamo) (?:\w+ ){0,3}(?:soldi|clienti|pazienti)"
        r"|perd(?:er|emos|endo) (?:\w+ ){0,3}(?:dinheiro|clientes)"
        r"|(?:verliezen|kost ons) (?:\w+ ){0,3}(?:geld|klanten|patiënten)"
        r"|tracimy (?:\w+ ){0,3}(?:pieniądze|klientów|pacjentów)",
    ),
    "anger": (
        0.4,
        r"unacceptable|terrible|horrible|awful|disaster|ridiculous|useless|worst|furious|fed up|angry|frustrat"
        r"|inakzeptabel|schrecklich|katastroph|unverschämt|nutzlos|frustrier|ärger|inacceptable|catastroph"
        r"|scandaleux|honteux"
        r"|inaceptable|desastre|pésim|vergüenza|inaccettabile|disastro|pessim|vergogn|inaceitável|péssim"
        r"|onacceptabel|waardeloos|ramp\b"
        r"|niedopuszczalne|tragiczn|koszmar|beznadziejn",
    ),
}
_SIGNS = tuple(
    (name, weight, re.compile(rf"\b(?:{pattern})")) for name, (weight, pattern) in LEXICON.items()
)  # heaviest first, as written above


@dataclass(frozen=True, slots=True)
class Wording:
    """What a problem's words add to its severity (0 to 1), and how many voices gave each sign."""

    weight: float = 0.0
    voices: int = 0
    signs: Mapping[str, int] = field(default_factory=dict)


def signs_of(text: str) -> dict[str, float]:
    """The signs in a text, each with its weight; the first 4,000 characters are read."""
    plain = text[:_READ].casefold()
    return {name: weight for name, weight, pattern in _SIGNS if pattern.search(plain)}


def severity_in_words(said: Iterable[tuple[str, str]]) -> Wording:
    """The wording of a problem, from (voice, text) of its evidence.

    A voice with several texts weighs the mean of their heaviest signs; two calm voices are added.
    """
    weights: dict[str, list[float]] = {}
    signs: dict[str, set[str]] = {}
    for voice, text in said:
        found = signs_of(text)
        weights.setdefault(voice, []).append(max(found.values(), default=0.0))
        signs.setdefault(voice, set()).update(found)
    total = sum(sum(each) / len(each) for each in weights.values())
    counts = Counter(name for found in signs.values() for name in found)
    return Wording(total / (len(weights) + NEUTRAL_VOICES), len(weights), dict(counts.most_common()))
