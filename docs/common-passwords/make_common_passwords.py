#!/usr/bin/env python3
"""Makes common_passwords.txt. Reads unpacked packages, downloads nothing.

    python3 make_common_passwords.py DJANGO TS_COMMON TS_ES [-o OUT]

DJANGO     unpacked Django wheel (holds django/contrib/auth/common-passwords.txt.gz)
TS_COMMON  unpacked @zxcvbn-ts/language-common  (holds src/passwords.json)
TS_ES      unpacked @zxcvbn-ts/language-es-es   (holds src/firstnames.json, ...)
OUT        the file to write (default: common_passwords.txt in this folder)

The same inputs always give the same bytes. Counts are printed at the end.
"""
import argparse
import gzip
import json
import pathlib
import re
import unicodedata

MIN_SHORT = 8      # first policy: 8 code points, upper case, lower case, digit
MIN_LONG = 15      # second policy: 15 code points, no classes
MAX_PUBLISHED = 9000   # at most so many published entries for the first policy
MAX_BYTES = 250_000
FIRST_NAMES = 100  # how many of the commonest names are taken
LAST_NAMES = 40
DOUBLED = 190      # published entries tried when making "passwordpassword"

# --- words written by hand for this file -----------------------------------
WORDS = """
hola holahola buenas contraseña clave miclave micontraseña secreto secreta acceso entrar portal
usuario usuaria administrador admin invitado prueba pruebas cambiame cambiar temporal bienvenido
bienvenida bienvenidos inicio sistema servidor internet computadora compu ordenador teclado
argentina buenosaires boca bocajuniors river riverplate racing independiente sanlorenzo huracan
velez estudiantes newells rosariocentral rosario talleres belgrano lanus banfield messi maradona
madrid realmadrid barcelona barça barsa atletico sevilla betis valencia bilbao zaragoza malaga
granada cordoba murcia mallorca alicante españa mexico méxico americas chivas pumas cruzazul tigres
monterrey guadalajara puebla colombia bogota bogotá medellin medellín cali nacional millonarios
chile santiago colocolo peru perú lima alianza universitario uruguay montevideo peñarol
paraguay asuncion olimpia cerroporteño bolivia lapaz venezuela caracas ecuador quito guayaquil cuba
habana panama costarica honduras guatemala nicaragua elsalvador puertorico dominicana
mendoza salta tucuman jujuy neuquen bariloche laplata mardelplata santafe sanjuan patagonia
teamo tequiero teadoro teextraño amor amormio miamor amorcito amores corazon corazón mivida vida
cielo micielo princesa reina rey bebe bebé bonita hermosa hermoso linda preciosa chiquita flaca
familia mifamilia mama mamá papa papá mami papi hijo hija mihijo mihija mishijos hermano hermana
abuela abuelo nieto nieta amigo amiga amigos novia novio esposa esposo casa micasa
perro gato perrito gatito caballo tigre leon delfin mariposa conejo pelota futbol fútbol
campeon campeones seleccion libertad estrella estrellas luna sol playa verano invierno otoño
primavera navidad felicidad feliz alegria esperanza fe dios jesus jesucristo diosesamor
virgen bendicion gracias cristo guadalupe angelito chocolate helado empanada asado mate
fernet cerveza tango salsa cumbia musica música guitarra rock
hospital clinica clínica salud sanidad paciente pacientes medico médico medica doctor doctora
doctores enfermera enfermero enfermeria farmacia turno turnos consulta consultorio cirugia cirugía
guardia laboratorio obrasocial pediatria pediatra dentista vacuna receta historia historiaclinica
sanatorio ambulancia medicina remedio urgencias emergencia recepcion secretaria
lunes martes miercoles miércoles jueves viernes sabado sábado domingo
enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
rojo azul verde negro blanco amarillo rosa celeste naranja violeta
trabajo oficina empresa escuela colegio universidad estudiante profesor maestra gobierno municipio
banco dinero plata tarjeta auto camion moto bicicleta telefono celular mochila
""".split()

PHRASES = """
esta es mi contraseña|mi contraseña segura|mi clave secreta|la contraseña es segura
no me acuerdo la clave|no me acuerdo de nada|olvide mi contraseña|hola como estas|hola mundo hola mundo
hola que tal como estas|buenos dias doctor|buenos dias a todos|te amo con todo mi corazon
te quiero mucho|te quiero mucho mi amor|te amo mi amor|te amo para siempre|amor de mi vida
eres el amor de mi vida|sos el amor de mi vida|mi familia es todo|mi familia es lo mejor|te extraño mucho
mis hijos son mi vida|mis hijos mi vida|mi vida mi amor|dios es amor|dios es mi pastor|dios es fiel
en el nombre de dios|jesus es mi señor|jesus es el señor|cristo te ama mucho|dios te bendiga siempre
el señor es mi pastor|santa maria madre de dios|virgen de guadalupe|virgen de lujan
vamos argentina|vamos argentina carajo|vamos boca juniors|vamos river plate|argentina campeon
argentina campeon del mundo|boca juniors campeon|river plate campeon|dale campeon dale campeon|hala madrid hala madrid
visca el barça|real madrid campeon|viva mexico cabrones|viva la vida loca|arriba españa|viva colombia
un dos tres cuatro|uno dos tres cuatro|uno dos tres cuatro cinco|abcdefghijklmnop|lunes martes miercoles
enero febrero marzo|primavera verano|rojo azul verde amarillo|hospital central|hospital nacional
mi turno medico|clinica privada|historia clinica|obra social|pacientes y medicos|cambiar contraseña|portal de pacientes
portal del paciente|contraseña contraseña|administrador|administracion|contraseña nueva
mi nueva contraseña|nueva contraseña|contraseña segura|clave de acceso|la clave es clave|no la voy a decir
buenos aires argentina|mar del plata|ciudad de mexico|santiago de chile|san miguel de tucuman
santa cruz de la sierra|maria jose|juan pablo segundo|marianita querida|mi perro se llama
mi gato se llama|feliz cumpleaños|feliz navidad|feliz año nuevo|la vida es bella|vivir mi vida
todo va a estar bien|quiero ser feliz|gracias por todo|gracias a dios|quiero mucho a mi familia
""".replace("\n", "|").split("|")

SUFFIXES = """1 12 123 1234 12345 01 10 1! 123! 1. 123. 123* 2020 2021 2022 2023 2024 2025
2026 2027 2024! 2025! 2026!""".split()
NAME_SUFFIXES = "1 12 123 1234 12345 01 10 2024 2025 123! 1234! 2024!".split()
LAST_SUFFIXES = "1 123 1234 2024 2025".split()

RUNS = [
    "123456789012345", "1234567890123456", "qwertyuiopasdfgh", "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklñ", "qwertyuiopasdfghjklzxcvbnm", "qwertyuiopasdfghjklñzxcvbnm",
    "asdfghjklzxcvbnm", "asdfghjklñzxcvbnm", "abcdefghijklmno", "abcdefghijklmnopq",
    "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnñopqrstuvwxyz", "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb", "zaq12wsxcde34rfv", "0987654321098765", "987654321987654321",
    "159753159753159", "147258369147258", "147258369147258369", "112233445566778899",
    "11223344556677889900", "123123123123123", "123321123321123", "321321321321321",
] + [d * n for d in "0123456789" for n in (15, 16, 20)] + [c * n for c in "ax" for n in (15, 16, 20)]


def cased(s):
    return sum(c.lower() != c.upper() for c in s)


def digit(s):
    return any(c in "0123456789" for c in s)


def short_ok(s):
    """Could pass the first policy in some casing."""
    return len(s) >= MIN_SHORT and cased(s) >= 2 and digit(s)


def normal(s):
    """The form the crate looks up: NFC, then lower case."""
    return unicodedata.normalize("NFC", s.strip()).lower()


def clean(s):
    """Not blank, no control characters, no HTML remains, no broken encodings."""
    return bool(s) and s.isprintable() and not re.search(r"&#|&\w+;|\ufffd|пїѕ|пї", s) \
        and unicodedata.normalize("NFC", s) == s and normal(s) == s


def plain(s):
    """Without accents: contraseña -> contrasena."""
    d = unicodedata.normalize("NFD", s)
    return "".join(c for c in d if not unicodedata.combining(c))


def both(words):
    seen = {}
    for w in words:
        seen.setdefault(w)
        seen.setdefault(plain(w))
    return list(seen)


def one_file(root, tail):
    found = sorted(pathlib.Path(root).rglob(tail))
    if len(found) != 1:
        raise SystemExit(f"{root}: wanted one {tail}, found {len(found)}")
    return found[0]


def names(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    return [normal(str(x)) for x in data]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("django")
    ap.add_argument("ts_common")
    ap.add_argument("ts_es")
    here = pathlib.Path(__file__).resolve().parent
    ap.add_argument("-o", default=str(here / "common_passwords.txt"))
    a = ap.parse_args()

    with gzip.open(one_file(a.django, "contrib/auth/common-passwords.txt.gz"), "rt", encoding="utf-8") as f:
        dj = [normal(x) for x in f]
    ts = names(one_file(a.ts_common, "src/passwords.json"))
    rank = {}
    for lst in (dj, ts):
        for i, p in enumerate(lst):
            if clean(p):
                rank[p] = min(rank.get(p, i), i)
    published = sorted(rank, key=lambda p: (rank[p], p))   # commonest first
    pub_short = [p for p in published if short_ok(p) and len(p) < MIN_LONG][:MAX_PUBLISHED]
    pub_long = [p for p in published if len(p) >= MIN_LONG]

    # Spanish: hand-written words, names from the Spanish language package
    first = names(one_file(a.ts_es, "src/firstnames.json"))[:FIRST_NAMES]
    last = names(one_file(a.ts_es, "src/lastnames.json"))[:LAST_NAMES]
    spanish = set()
    for words, suffixes in ((both(WORDS), SUFFIXES), (both(first), NAME_SUFFIXES), (both(last), LAST_SUFFIXES)):
        for w in words:
            for s in suffixes:
                e = normal(w + s)
                if short_ok(e) and clean(e) and len(e) < MIN_LONG:
                    spanish.add(e)

    # 15 code points or more, any classes
    long_derived = {r for r in RUNS if len(r) >= MIN_LONG}
    for p in published[:DOUBLED]:
        for n in (2, 3, 4):
            if len(p) * n >= MIN_LONG:
                long_derived.add(p * n)
                break
    for ph in PHRASES:
        for form in both([normal(ph), normal(ph).replace(" ", "")]):
            for s in ("", "123"):
                if len(form + s) >= MIN_LONG:
                    long_derived.add(form + s)
                    break
    long_derived = {p for p in long_derived if clean(p)}

    pub = set(pub_short) | set(pub_long)
    spanish -= pub
    long_derived -= pub | spanish
    everything = pub | spanish | long_derived
    lines = sorted(everything, key=lambda p: p.encode("utf-8"))
    data = "".join(p + "\n" for p in lines).encode("utf-8")
    if len(data) > MAX_BYTES:
        raise SystemExit(f"{len(data)} bytes is over {MAX_BYTES}")
    pathlib.Path(a.o).write_bytes(data)
    print(f"published, first policy:            {len(pub_short)}")
    print(f"published, 15 or more:              {len(pub_long)}")
    print(f"Spanish words and names + suffixes: {len(spanish)}")
    print(f"derived, 15 or more:                {len(long_derived)}")
    print(f"entries usable under first policy:  {sum(map(short_ok, lines))}")
    print(f"entries of 15 or more:              {sum(len(p) >= MIN_LONG for p in lines)}")
    print(f"all: {len(lines)} entries, {len(data)} bytes")


if __name__ == "__main__":
    main()
