"""Cases of the parity test: tables of what matters, and seeded mixtures of their parts."""
import random

# ---- override grammar

ATOMS = r"""
a b.c 1 0 -1 +2 007 0x10 1_000 1__0 1.5 .5 5. 1e3 1.e-3 inf -inf nan Infinity true FALSE null None yes ~ ${a} ${a.b}
${oc.env:X} ${a:${b}} $ \ \\ \, \= \: \( \[ \a 'a' "a\ b" 'a\'b' 'a\\' "\"" '' 'a,b' /a/b a-b a_b * ? | @ % a:b :: é # ! &
choice(1,2) range(1,4) range(0,0.3,0.1) interval(0,1) glob(*) glob([a*,b],exclude=c) sort(3,1,2) sort([3,1,2])
sort(1,2,reverse=true) tag(t,choice(1,2)) int(1.5) int(a) float(1) str(1.0) str([1,true,2.50]) bool(true) bool(x)
int(1.9,2.1) str(choice(1,2.0,true)) float(range(1,4)) int(value=3) range(5) range(stop=3,start=1) range(10,1,-3)
sort(range(10,1,-3)) sort(range(1,10,2),reverse=true) choice(a) choice() foo(1) sort(a,1) sort([[2,1],[1,5]])
tag(a,b,interval(1,2)) choice(sort(2,1)) int(interval(1.5,2.5)) {a:1} {a:1,b:{c:2}} {1:2,null:3,true:4} {} [] [1,2]
[a,[b,{c:d}]] {a:b:c} [1,] {a:1,} (1) range(0,1,0.25) range(1.0,0,-0.3) sort(list=[2,1]) sort(sweep=choice(2,1))
tag(sweep=choice(1)) interval(start=1,end=2) interval(1) range(a) choice(null) str(null) int(null) int("5") int('0x1')
float(inf) int(inf) bool(0.0) bool([true,0]) int({a:1.5}) sort(true,0) choice({a:1},[2]) float(1e20) int(1e20) str(1e-7)
str(1e16) 123456789012345678901234567890 -0 -0.0 1e400 00 0_1 1._5 1e e5 nulla -true
""".split()
KEYS = "a a.b a.b.c db db/x db/x/y a@b db/x@p.q db@ @b a.0 $a a.$b _x a-b a.b-c a/b.c 1 a. .a a@b:c hydra/launcher a@b@c 0.a é".split()
PREFIXES = ["", "+", "++", "~", "+++", "~+", "-"]


def mixed_value(rnd, depth=0):
    inner = (lambda: mixed_value(rnd, depth + 1)) if depth < 2 else (lambda: rnd.choice(ATOMS))
    kind = rnd.random()
    if kind < 0.5:
        return rnd.choice(ATOMS)
    if kind < 0.65:
        return ",".join(rnd.choice(ATOMS) for _ in range(rnd.randint(1, 3)))
    if kind < 0.78:
        return rnd.choice(ATOMS) + rnd.choice(["", " ", "-", ".", "/", "\\"]) + rnd.choice(ATOMS)
    if kind < 0.86:
        return "[" + rnd.choice([",", ", ", " ,"]).join(inner() for _ in range(rnd.randint(0, 3))) + "]"
    if kind < 0.92:
        return "{" + ",".join(f"{rnd.choice(ATOMS)}:{inner()}" for _ in range(rnd.randint(0, 3))) + "}"
    function = rnd.choice("choice range interval glob sort int float str bool tag".split())
    names = ["", "", "value=", "reverse=", "start=", "list="]
    return f"{function}({','.join(rnd.choice(names) + inner() for _ in range(rnd.randint(0, 3)))})"


def overrides(seed, count):
    rnd = random.Random(seed)
    out = [f"{p}{k}=1" for p in PREFIXES for k in KEYS] + [f"{p}{k}" for p in PREFIXES[:4] for k in KEYS]
    out += ["=5", "a", "a b=1", "a= 1 ", "a=b c", "a=\tx"] + [f"a={atom}" for atom in ATOMS]
    return out + [f"{rnd.choice(PREFIXES[:4])}{rnd.choice(KEYS[:8])}={mixed_value(rnd)}" for _ in range(count)]


# ---- YAML

SCALARS = r"""
1 0 -1 007 08 0x1F 0b11 0b 0x 0o17 1_000 1__0 _1 1.5 .5 -.5 5. 1e3 1E5 1e-3 1.e5 1.5e+3 1_0.5 1_0e3 .5e3 .5e+3 1:30 1:30.5
-1:30 1:60 .inf -.Inf .nan nan inf true TRUE tRue yes No on OFF y n null ~ Null nUll = << 2001-01-01 a a#b ${a} ${b.c} ${
${a $${a} \${a} ??? '1' "1" "a\nb" 'it''s' "\x41" é a:b :: !!str !!foo !foo [1,2] {a:1} {"a":1} {} [] [,] [1,] @a `a %a *x
- -a "unclosed [unclosed 0:30 ! . .. +1 1,000 123456789012345678901234567890 "\q" a] a} ${a:{b:c}} ${..a} ${a.b[c]}
""".split() + [
    "a b", "a #b", "a: b", "!!str 1", '!!int "3"', "!!float 1", "!!bool yes", "!!null x", "!!map {a: 1}", "!!omap [x: 1]",
    "&x 1", "&x [1, 2]", "|\n  text\n  more", ">\n  folded\n  text", ">-\n  x", "|+\n  x\n\n", "a\tb", "\ta", "1 # c",
    '"multi\n  line"', "plain\n  multi", "a:\n    - b", "[a: 1, b]", "{a, b: 1}", "{a: ???}", "{a: b: c}", "? a", "#c", "",
    "!!python/tuple [1]",
]
DOCUMENTS = [
    "", "# c\n", "---", "--- \n", "---\na: 1\n", "a: 1\n---\n", "a: 1\n---\nb: 2", "a: 1\n...\n", "a: 1\n...\nb: 1", "...", "%YAML 1.1\n---\na: 1",
    "\ufeffa: 1", "a: 1\r\nb: 2\r\n", "a: |\r\n  x\r\n  y\r\n", "a: 1\rb: 2", "a: 1\na: 2", "1: a\n1: b", "a: &x 1\nb: &x 2",
    "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", "a: &x {p: 1}\nb: &y {p: 2, r: 1}\nc:\n  <<: [*x, *y]\n",
    "o: {b: &b {<<: {x: 1}, x: 2}}\nc: {<<: *b}\n", "a: 1\n b: 2", "a:\n- 1\n- 2", "- a: 1\n  b: 2\n- c", 'a: "x\n\n  y"',
    "a: 1\n\t\nb: 2", "a: 1 \t\nb: 2", "a:\n\tb: 1", "a: [1,\n 2\n]", "? a\n: b\n", "? a\n", "? [a]\n: b", "a: 1\nb", "a\nb: 1",
    "a: b: 1", "a : 1", "a:  # c\n  b: 1", "[a, b]: 1", "true", "~", "a", '"a: 1"', "'[1, 2]'", "- 1", "a: *x\nb: &x 1",
    "<<: {a: 1}", "<<: 1", "<<: [{a: 1}, 2]", "<<: [{a: 1}, {a: 2, b: 3}]\nb: 4", "a: >\n  x\n   y\n  z\n", "a: |2\n   x\n",
    "a: |-\n\n  x\n\n", "- |\n a\n- b", "{a: 1, a: 2}", "=: 1", '"<<": {a: 1}', "!!map\na: 1", "a: {b: 1, <<: {c: 2}}", "%a", "a: 'x",
]


def documents(seed, count):
    rnd = random.Random(seed)

    def block(depth):
        indent, lines = "  " * depth, []
        is_list = rnd.random() < 0.25
        for _ in range(rnd.randint(1, 4)):
            head = f"{indent}-" if is_list else f"{indent}{rnd.choice('abcdefgh')}:"
            if depth < 3 and rnd.random() < 0.3:
                lines += [head, *block(depth + 1)]
            else:
                lines.append(f"{head} " + rnd.choice(SCALARS).replace("\n", "\n" + indent))
        return lines

    fixed = [f"v: {s}" for s in SCALARS] + [f"- {s}" for s in SCALARS] + DOCUMENTS
    return fixed + ["\n".join(block(0)) + rnd.choice(["\n", ""]) for _ in range(count)]


# ---- interpolations

BASE = {
    "x": 3, "s": "p", "m": "???", "nul": None,
    "d": {"p": 5, "x": {"y": 2}, "1": "one", "inter": "${x}", "t": "${.p}", "u": "${..x}"},
    "l": [1, "${x}", {"k": "${...s}"}], "inter": "${d}", "cyc": "${cyc}", "cyc2": {"a": "${cyc3.a}"}, "cyc3": {"a": "${cyc2.a}"},
    "e-f": 1, "g/h": 2, "lst": [{"k": 1}, "???"], "emp": {}, "par": {"in": "${par}"},
}
REFERENCES = "x d d.p l l.0 l[1] d[p] d.x.y nope d.nope m .x ..x ...x . s d.${s} ${s} e-f g/h 1 d.1 cyc d.inter inter inter.y lst lst.0.k emp nul nul.x s.x d..p [d].p [d][p] l.-1 l.x par".split()
ARGUMENTS = r"""1 a 1.5 true null "q" 'q\ ${x}' [1,2] {a:1} ${x} ${s} x -1 "\\" [a,${x}] {k:${x}} EV EVI NOPE d l .x ..x nope d.p m a:b
x=1 ( a\,b \\ "[1,2]" 1_000 1e3 inf '' [] {} "${nope}" ${nope} {a:{b:[1]}} \${x}""".split() + ["", "a b"]
RESOLVERS = ["oc.env", "oc.select", "oc.decode", "oc.create", "oc.dict.keys", "oc.dict.values", "oc.deprecated", "foo", "oc.${s}", "oc", ""]
TEXTS = r"""\${x} \\${x} \\\${x} $${x} ${${s}} ${d.${s}} ${ ${} ${.} ${x $ a$b ${x}} ${x:} ${oc.env:} ${[x]} ${d.[p]} ${d[p]} ${d.p.}
${l[0]} ${d:p} ${é} ${oc.decode:é} \$ \${ ${oc.decode:"${x}"} ${oc.env:EV,} ${oc.env:,a} ${oc.select:"d.p"} ${oc.select:d.nope,${x}} ${oc.deprecated:m}
${oc.dict.values:.d} ${oc.dict.keys:d.x} a${x}b\ a\${x}b '${x}' "${x}""".split() + ["${ x }", "${x }", "${x y}"]
SELECTED = "v v v v v d l inter d.inter l.1 l[1] lst lst.1 m nul nul.x nope x.y cyc cyc2.a d.t d.u l.2.k par par.in inter.p emp .x [d].p d[x][y] l.9 l.-1 d.1 v.0 w w.v w.0 d..p".split()


def selections(seed, count):
    rnd = random.Random(seed)

    def interpolation(depth=0):
        if rnd.random() < 0.5:
            return "${" + rnd.choice(["", "", " "]) + rnd.choice(REFERENCES) + rnd.choice(["", " "]) + "}"
        arguments = [rnd.choice(ARGUMENTS) if depth > 1 or rnd.random() < 0.75 else interpolation(depth + 1) for _ in range(rnd.choice([0, 1, 1, 2]))]
        return "${" + rnd.choice(RESOLVERS) + rnd.choice([":", ": "]) + rnd.choice([",", ", "]).join(arguments) + "}"

    def text():
        kind = rnd.random()
        if kind < 0.6:
            return interpolation()
        if kind < 0.8:
            return rnd.choice(["a", "", "x ", "\\", "\\\\", "$", '"', "{"]) + interpolation() + rnd.choice(["", "b", "\\", "$", "}"])
        return rnd.choice(TEXTS) if kind < 0.9 else interpolation() + rnd.choice(["", "-", "\\\\"]) + interpolation()

    out = [({**BASE, "v": t, "w": 0}, "v") for t in TEXTS] + [({**BASE, "v": 0, "w": 0}, key) for key in SELECTED]
    for _ in range(count):
        config = {**BASE, "v": text(), "w": rnd.choice([{"v": text()}, [text()], text()])}
        out.append((config, rnd.choice(SELECTED)))
    return out


# ---- trees

OPTIONS = {"db": ["mysql", "pg", "lite"], "srv": ["apache", "nginx"], "a/b": ["x", "y"], "db/eng": ["inno", "isam"]}
VALUES = """1 2.5 true null text ??? ${x} ${db.port} ${.x} ${..x} ${nope} ${oc.env:EV} ${oc.env:NOPE,dflt} ${oc.env:NOPE} a${x}b
${oc.select:nope,7} ${oc.dict.keys:db} ${oc.dict.values:db} ${foo:1} ${hydra:job.name} ${hydra:nope} ${l.0} ${l[1]} ${d.${x}}
${oc.deprecated:x} ${srv} ${hydra:runtime.choices.db} ${db} ${l} ${d}""".split() + ["[1, 2]", "{p: 1}", '${oc.decode:"[1,2]"}', '"${x}"']
HYDRA_NODES = ["{run: {dir: foo}}", "{searchpath: [EXTRA]}", "{foo: 1}", "{job: {name: me}}", "{job: {num: abc}}", "{sweeper: {max_batch_size: 2}}",
               '{sweeper: {params: {x: "1,2"}}}', "{sweeper: {foo: 2}}", "{mode: MULTIRUN}", "{mode: foo}", "{run: 5}"]
OVERRIDES = """x=5 y=6 +new=1 ++x=7 ++new.a=2 +x=3 ~x ~y ~x=1 db=pg db=mysql db=nope srv=nginx +srv=nginx +db=pg ~db ~db=pg ++db=pg
db=null db=5 db=[pg,mysql] db@p=pg +db@p=pg a/b=x +a/b=y +db/eng=inno db/eng=isam db.port=9 d.p=3 d.x.y=4 +d.x.z=4 d={p:9}
+d={n:9} ++d={n:9} l=[5] l.0=9 l.5=9 +l=[1] x.y=1 +x.y=1 ++x.y.z=1 nope=1 nope.a=1 x=${y} x=[1,${y}] x={a:{b:1}} d=5 l=5
l={a:1} d=[1] x=??? x=null x= hydra.run.dir=foo hydra.foo=1 +hydra.foo=1 hydra/job_logging=disabled hydra/job_logging=nope
hydra.job.num=abc hydra.job.chdir=maybe hydra/launcher=basic hydra/output=nope hydra.verbose=true x=1,2 x=range(1,3)
hydra.verbose=1,2 db=glob(*) ~nope ~d.p ~d ~srv ~db@p nope@p=1 +p.q=1 x=a\\,b db.host=${x} +d.1=x ~hydra
hydra.searchpath=[EXTRA] hydra.mode=RUN hydra.run={dir:x} +hydra.run={foo:1} x={1:2,null:3} db={port:1} +db={port:1} x=${nope
x="${" +srv@_here_=nginx +db@_global_=pg x.0=1 d.x=1 d.x.y.z=1 =5 +=5 @p=5 srv=[nginx,apache] +srv=[nginx] ~srv=nginx
hydra.callbacks={a:1} +hydra.job.env_set.A=1 +hydra.job.env_set.A=[1] hydra=5 ++hydra.x=1 +x=null +y={a:1} a.b=1""".split()


def config_body(rnd):
    lines = []
    for key in rnd.sample(["x", "y", "z", "d", "l", "port", "host"], rnd.randint(0, 4)):
        if key == "l":
            lines.append(rnd.choice(["l: [1, '${x}', three]", "l: [7]"]))
        elif key == "d":
            lines.append(rnd.choice(["d: {1: one, p: 5, text: t, x: {y: 2}}", "d: ${db}"]))
        else:
            lines.append(f"{key}: {rnd.choice(VALUES) if rnd.random() < 0.6 else rnd.randint(0, 9)}")
    return lines


def defaults_entry(rnd, base):
    group = rnd.choice(list(OPTIONS))
    keyword = rnd.choice(["", "", "", "", "optional ", "override ", "/", "override /"] if not base else ["/", "/", "override /", "optional /", ""])
    package = rnd.choice([""] * 6 + ["@p", "@_global_", "@_here_", "@p.q", "@_group_", "@db.z"])
    option = rnd.choice(OPTIONS[group])
    if rnd.random() < 0.2:
        option = rnd.choice(["null", "nope", "???", "${db}", "[%s]" % ", ".join(OPTIONS[group][:2]), "${srv}_x", "5"])
    if rnd.random() < 0.06:
        return rnd.choice(["- db/mysql", "- /srv/nginx", "- nope", "- db/mysql@p", "- 5", "- {}", "- {db: pg, srv: nginx}", "- [db]", "- srv/${srv}", "- _self_@p"])
    return f"- {keyword}{group}{package}: {option}"


def config_text(rnd, base):
    lines = []
    if base and rnd.random() < 0.2:
        lines.append("# @package " + rnd.choice(["_global_", "p", "p.q", "_global_.k", "db", "_group_"]))
    if rnd.random() < (0.95 if not base else 0.2):
        entries = [defaults_entry(rnd, base) for _ in range(rnd.randint(1, 4 if not base else 1))]
        if rnd.random() < 0.93:
            entries.sort(key=lambda e: "override" in e)
        if rnd.random() < 0.6:
            entries.insert(0 if rnd.random() < 0.5 else sum("override" not in e for e in entries), "- _self_")
        if rnd.random() < 0.02:
            entries.insert(0, "- _self_")
        lines += ["defaults:"] + [f"  {e}" for e in entries]
    if not base and rnd.random() < 0.15:
        lines.append("hydra: " + rnd.choice(HYDRA_NODES))
    return "\n".join(lines + config_body(rnd) or ["x: 0"]) + "\n"


def tree(rnd):
    """{path: text} of a config directory."""
    files = {f"{group}/{option}.yaml": config_text(rnd, group) for group, options in OPTIONS.items() for option in options}
    files["config.yaml"] = config_text(rnd, "")
    files["extra/srv/caddy.yaml"] = "port: 1\n"
    return files


def tree_overrides(rnd):
    return rnd.sample(OVERRIDES, rnd.choice([0, 0, 1, 1, 1, 2, 3]))


COMPLETION_TREE = {
    "config.yaml": "defaults:\n  - db: mysql\n  - _self_\nx: 1\ny: ${db.port}\nseed: 0\nflag: true\n",
    "db/mysql.yaml": "port: 3306\nhost: h\n", "db/pg.yaml": "port: 5432\n", "net/a/one.yaml": "k: 1\n",
}
QUERIES = ["", "d", "db", "db=", "db=p", "x", "x=", "y=", "z", "db.", "db.p", "db.port=", "hydra.r", "hydra/la", "hydra/launcher=", "flag=", "net", "net/",
           "net/a=", "db=pg db.", "db=pg db.port=", "~", "~d", "+d", "+db=", "nope=1 x", "x=1 ", "db=pg,mysql ", "-m db=pg,mysql ", "hydra.job.", "x.", "h", "db/"]
SWEEPS = [["x=1,2", "db=pg,mysql"], ["x=range(0,0.3,0.1)"], ["db=glob(*)"], ["db=glob(*,exclude=my*)"], ["x=choice(a,'b c')", "+z=5"], ["x=interval(0,1)"],
          ["x=1,2", "x=3"], ["db=pg,nope"], ["~x", "y=1,2"], ["x=[1,2],{a:1}"], ["hydra.verbose=1,2"], ["hydra.sweeper.max_batch_size=2", "x=1,2,3"],
          ["x=sort(3,1,2)", "y=int(1.5,2.5)"], ["nope=1,2"], ["x=null,true"], []]
