"""Writes tests/golden/templates/cases.json: templates written for hft, one feature each, with what
jinja2 (as transformers configures it) makes of them."""
import json
import sys
from pathlib import Path

from golden.jinja_reference import render

V = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Wie spät ist es? 🕐"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"type": "function", "function": {"name": "time", "arguments": {"zone": "Europe/Berlin", "n": 1.0}}}]},
        {"role": "tool", "content": "12:00", "extra": None},
        {"role": "user", "content": "Danke <b>\"sehr\"</b>"},
    ],
    "tools": [{"type": "function", "function": {"name": "time", "parameters": {
        "type": "object", "properties": {"zone": {"type": "string", "enum": ["a", "b"]}}, "required": []}}}],
    "n": 7, "x": 2.5, "neg": -3, "big": 123456789012, "yes": True, "no": False, "nil": None,
    "s": "Hello, World", "empty": "", "uni": "straße Ελλάς ǆ", "lines": "a\nb\r\nc\n\nd",
    "words": ["pear", "Apple", "fig", "apple", "Fig"], "nums": [3, 1, 2, 3, 0], "pairs": [["a", 1], ["b", 2]],
    "people": [{"name": "Ann", "age": 30, "city": {"zip": "B"}}, {"name": "bob", "age": 25, "city": {"zip": "a"}},
               {"name": "Cy", "age": 30}],
    "d": {"b": 1, "a": [1, {"k": "v'q"}], "C": None, "items": "shadow", "é": 1e20},
    "tree": [{"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}],
    "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>",
}

EXPRESSIONS = """
n + x | n - 9 | n * neg | n / 2 | n // 2 | neg // 2 | n % 4 | neg % 5 | 2 ** 10 | 2 ** -1 | x // 1 | x % 1
-7.5 // 2 | -7.5 % 2 | 1e16 | 1e15 | 0.1 + 0.2 | 1.0 | 100000.0 * 1e20 | 1e-5 | 0.0001 | 5 % -3 | -5 // 3 | true + 1
'a' ~ 1 ~ none ~ [1] | 'a' * 3 | [1] * 2 + [2] | (1, 2) + (3,) | 'x' 'y' | "%s-%05.2f-%d-%x" % ('a', x, n, 255) | '%(k)s' % {'k': 1}
1 < 2 < 3 | 1 < 3 < 2 | 1 == 1.0 == true | 'a' < 'b' | [1, 2] < [1, 3] | not n | n and x | nil or 'z' | 'ell' in s | 3 not in nums | 'b' in d
n if yes else x | (n if no) is undefined | 'y' if yes and not no else 'n' | -n | +n | --n | -n ** 2 | 2 ** 3 ** 2
s[0] | s[-1] | s[1:4] | s[::-1] | s[::2] | s[-3:] | s[5:1:-1] | uni[3:8] | nums[1:] | nums[::-1] | nums[-2] | nums[99] is undefined | nums[:0] | (1,2,3)[1:]
s.upper() | s.split(', ') | s.split() | 'a,b,c'.split(',', 1) | 'a,b,c'.rsplit(',', 1) | ' a  b '.split() | lines.splitlines() | 'abc'.strip('ac') | '  x '.lstrip() ~ '|' | '  x '.rstrip() ~ '|'
s.startswith('He') | s.endswith(('x', 'ld')) | s.startswith('l', 3) | s.find('o') | s.rfind('o') | s.find('zz') | s.index('W') | s.count('l') | s.replace('l', 'L', 2) | 'ab'.replace('', '-') | s.title() | 'hELLO wORLD'.capitalize() | s.swapcase()
'-'.join(words) | 'a'.center(5, '*') | 'ab'.center(5) ~ '|' | 'a'.ljust(3, '.') | 'a'.rjust(3) | '-42'.zfill(6) | 'a=b=c'.partition('=') | 'a=b=c'.rpartition('=') | 'prefix'.removeprefix('pre') | 'a\\tb'.expandtabs(4)
'abc'.isalpha() | '12'.isdigit() | 'a1'.isalnum() | ' '.isspace() | 'Ab'.istitle() | 'ab'.islower() | 'AB'.isupper() | '½'.isnumeric() | '٣'.isdecimal() | 'x_1'.isidentifier() | ''.isascii()
'{} {1}'.format | '{} {}'.format(1, 'b') | '{0:>5}|{1:<5}|{x:^7.2f}'.format('a', 'b', x=x) | '{:,}'.format(big) | '{:08.3f}'.format(x) | '{:+d} {:#x} {:b}'.format(n, 255, 5) | '{a[k]} {b.x}'.format(a={'k': 1}, b={'x': 2}) | '{:.3}'.format('abcdef') | '{!r}'.format('a') | '{:e}'.format(12345.678) | '{:%}'.format(0.25)
d.b | d['b'] | d.items | d['items'] | d.get('zz', 5) | d.get('zz') | d.keys() | d.values() | d.items() | d.a[1].k | d.missing is defined | d.missing.more | d | [d, (1,), ()] | {'a': 1, 2: none, true: 'x'}
'it\\'s' | ['it\\'s', '"', '\\n\\t\\\\', '\\x07', 'é', '\\u200b', '🕐'] | '\\101\\x41\\u00e9' | 'a\\qb' | 007 | 0x1F | 1_000 | 0b11 | 0o17 | 1.5e3 | 1_0.2_5
uni.upper() | uni.lower() | 'ΑΣ'.lower() | 'ŉ'.upper() | uni.title() | 'İ'.lower() ~ '|' | uni.casefold() | 'ﬁx'.capitalize()
"""
FILTERS = """
{'a': 1, 'b': none, 'c<': 'x"y', 'd': missing, 'e': true}|xmlattr ~ '|' | {'a': 1, 'b': 2}|xmlattr(false) | {}|xmlattr ~ '|' | {'a b': 1}|xmlattr | {'a=': 1}|xmlattr | [1]|xmlattr | {1: 2}|xmlattr | missing|xmlattr | missing|truncate(5) ~ '|' | [1, 2]|truncate(5) | [1, 2, 3]|truncate(3, leeway=0) | [1, 2, 3]|truncate(3, leeway=-1) | list(range(9))|truncate(5) | 7|truncate(5) | 'a,b' % missing
s|upper | s|lower | uni|title | "foo-bar (baz) it's"|title | 'hELLO'|capitalize | '  x  '|trim ~ '|' | 'xxaxx'|trim('x') | s|length | uni|count | nums|length | d|length | missing|length
d|tojson | tools|tojson | tools|tojson(indent=4) | d|tojson(indent=2, sort_keys=true) | d|tojson(ensure_ascii=true) | [1.0, 1e20, true, none, 'é\\n"\\\\/', '\\x7f\\x01']|tojson | {}|tojson(indent=2) | []|tojson(indent=2) | (1, 2)|tojson | {1: 2, true: 3, none: 4, 1.5: 5}|tojson | d|tojson(separators=(',', ':')) | [1,[2]]|tojson(indent='--')
n|string + 'x' | x|string | nil|string | [1, 'a']|string | s|list | d|list | d|items|list | nums|first | nums|last | words|first | ''|first is undefined | []|last is undefined | s|first | s|reverse | nums|reverse|list
words|join(', ') | people|join('|', attribute='name') | nums|join | words|sort | words|sort(case_sensitive=true) | nums|sort(reverse=true) | people|sort(attribute='age')|map(attribute='name')|list | people|sort(attribute='age,name')|map(attribute='name')|list | words|unique|list | nums|unique|list | people|map(attribute='city.zip')|list | people|map(attribute='city.zip', default='?')|list
words|map('upper')|join(' ') | nums|select('odd')|list | nums|reject('odd')|list | nums|select|list | nums|select('>', 1)|list | people|selectattr('age', 'equalto', 30)|map(attribute='name')|list | people|rejectattr('city')|list | messages|selectattr('role', '==', 'user')|list|length | messages|selectattr('tool_calls', 'defined')|list|length | messages|map(attribute='role')|unique|join(',')
people|groupby('age')|length | people|groupby('age')|map('first')|list | words|groupby(0) | people|groupby('city.zip', default='-') | nums|batch(2)|list | nums|batch(2, 'x')|list | nums|slice(2)|list | nums|slice(3, 'f')|list | nums|sum | people|sum(attribute='age') | nums|min | nums|max | words|min | people|max(attribute='age') | []|min is undefined
missing|default('z') | nil|default('z') | nil|default('z', true) | ''|d('e', true) | d|dictsort|map('first')|list | {'b': 2, 'a': 3}|dictsort(by='value') | {'b': 2, 'A': 3, 'a': 1}|dictsort(true) | {'b': 1}|dictsort(reverse=true)
'42'|int | '4x'|int | '4x'|int(-1) | '0x1f'|int(base=16) | ' 12 '|int | '3.9'|int | x|int | neg|abs | '1.5'|float | 'z'|float | 'z'|float(1.5) | 'inf'|float | 2.567|round(2) | 2.5|round | 3.5|round | 2.4|round(0, 'ceil') | 2.6|round(method='floor') | 7|round | 1234|round(-2) | 1250|round(-2) | 42.55|round(1, 'floor')
'<a href="x">&\\'</a>'|escape | '<b>'|e | '<b>'|safe | 'a b/c?d=é'|urlencode | {'a b': 1, 'c': 'x/y'}|urlencode | "%s is %d"|format('a', 3) | "%(a)s"|format(a=1) | 'x y z'|wordcount | 'a'|center(5) ~ '|' | 'foo bar baz qux'|truncate(9) | 'foo bar baz qux'|truncate(9, true) | 'foo bar baz qux'|truncate(11) | 'foo bar baz qux'|truncate(11, false, '..', 0) | 1000|filesizeformat | 1500000|filesizeformat | 2048|filesizeformat(true) | 1|filesizeformat
lines|indent | lines|indent(2, true) | lines|indent(2, blank=true) | lines|indent('> ') | 'aXbX'|replace('X', '-') | 'aaa'|replace('a', 'b', 2) | 12|replace(1, 'x') | d|attr('b') is undefined | s|attr('upper') is callable | nums|list|first|string
"""
TESTS = """
missing is defined | missing is undefined | nil is none | nil is not none | n is number | x is number | yes is number | yes is boolean | n is integer | yes is integer | x is float | s is string | d is mapping | nums is mapping | nums is sequence | d is sequence | s is sequence | n is sequence | nums is iterable | s is iterable | n is iterable | missing is iterable | range is callable | s is callable | yes is true | n is true | no is false
n is odd | n is even | n is divisibleby 7 | n is divisibleby(2) | n is eq 7 | n is equalto 7 | n is ne 7 | n is lt 8 | n is gt(8) | n is ge 7 | n is le 6 | n is greaterthan 6 | n is lessthan 6 | 'a' is in 'abc' | 3 is in nums | s is lower | 'abc' is lower | 'ABC' is upper | '123' is upper | n is sameas n | nil is sameas none | 'upper' is filter | 'nope' is filter | 'odd' is test | s is escaped | n is not odd
range(5)|list | range(2, 10, 3)|list | range(5, 0, -2)|list | range(3) | range(10)[2:5] | range(10)[-1] | 3 in range(5) | range(0)|length | dict(a=1, b=2) | dict([['x', 1]], y=2) | namespace(a=1).a | cycler('a', 'b').next() | joiner('|')() | strftime_now('%Y-%m-%d %d %b %Y %%') | nums.index(2) | nums.count(3) | (1, 2).index(2) | nums.copy()
nums.append is undefined | d.update is undefined | d.pop | ''.__class__ | d['__class__'] | s._x is defined | 3.0.is_integer() | 5 .bit_length() | loop is defined | missing == other_missing | [missing] | missing ~ 'x' | none ~ 1 | true ~ 1.50
"""
TEMPLATES = [
    "{% for m in messages %}{{ loop.index }}/{{ loop.length }} {{ m.role }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for i in nums %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for i in nums if i > 1 %}{{ i }}-{{ loop.length }}{{ loop.last }} {% else %}none{% endfor %}",
    "{% for i in [] %}x{% else %}empty{% endfor %}|{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}|{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for i in nums %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}|{% for i in nums %}{% if i is odd %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in [1] %}{% break %}{% else %}else after break{% endfor %}|{% for i in [1,2] %}{{ loop.cycle('a','b') }}{{ loop.changed(i) }}{% endfor %}",
    "{% for n in tree recursive %}{{ n.v }}@{{ loop.depth }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}",
    "{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{% set a = 1 %}{% for i in nums %}{% set a = a + i %}{{ a }} {% endfor %}{{ a }}",
    "{% set ns = namespace(t=0, l=[]) %}{% for i in nums %}{% set ns.t = ns.t + i %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.t }}{{ ns.l }}{{ ns }}{{ ns.zz is defined }}",
    "{% set a, b = 1, [2] %}{{ a }}{{ b }}{% set c = (1, 2) %}{{ c }}{% set (q, w) = 'xy' %}{{ q }}{{ w }}",
    "{% set t %}\n  block {{ n }}\n{% endset %}[{{ t }}]{% set u | upper | trim %} up {% endset %}[{{ u }}]",
    "{% macro f(a, b='B', c=n) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}|{{ f(1, 2, 3, 4, z=5) }}|{{ f(b=1) }}|{{ f.name }}{{ f.arguments }}",
    "{% macro w(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call w('b') %}x{{ n }}{% endcall %}{% macro e(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) e(nums) %}[{{ i }}]{% endcall %}",
    "{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(5) }}",
    "{% macro g() %}{{ late }}{% endmacro %}{{ g() }}{% set late = 1 %}{{ g() }}{% for late in [9] %}{{ g() }}{{ late }}{% endfor %}",
    "{% if no %}{% set z = 1 %}{% else %}{% set z = 2 %}{% endif %}{{ z }}{% if no %}{% set y = 1 %}{% endif %}{{ y is defined }}{% if no %}a{% elif n == 7 %}b{% elif 1 %}c{% else %}d{% endif %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}|{% filter replace('a', 'b')|trim %} aXa {% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% raw %}{{ x }} {% if %}{% endraw %}|{#- a comment {{ x }} -#}|{# one #}\n{# two #}\nx",
    "{% raw -%}\n  a {{ b }}\n  {%- endraw %}!",
    "  {% if yes %}\n  a\n  {% endif %}\n  b\n{%- if yes -%}\n\n  c\n{%- endif +%}\n d {{- n -}}  e\n  {%+ if yes %}f{% endif %}\n",
    "a\n\n{{ n }}\n\n{% if yes %}\n\nx{% endif %}\n\n", "x\r\ny\rz\r\n", "\n", "", "{{ '%}' }}{{ '}}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}{{{'a':1}.a}}",
    "{% generation %}out {{ n }}{% endgeneration %}|{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!{% endgeneration %}{% endif %}{% endfor %}",
    "{% generation %}{% set inside = 1 %}{% endgeneration %}{{ inside is defined }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner() %}{% for i in nums %}{{ j() }}{{ i }}{% endfor %}",
    "{% for g in people|groupby('age') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}{% for a, l in people|groupby('age') %}{{ a }}{{ l|map(attribute='name')|join }}{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}{% for c in uni %}[{{ c }}]{% endfor %}{% for x in missing %}!{% endfor %}",
    "{% print n %}", "{% autoescape false %}{{ '<' }}{% endautoescape %}{% block b %}in{{ n }}{% endblock b %}",
    "{{ 'a' if n > 100 }}|{{ (1, 2)|length }}{{ () }}{{ (1,) }}{{ [1, 2,] }}{{ {} }}", "{%- for i in [1,2] -%} {{ i }} {%- endfor -%}",
    "{% set x = [1,2]|map('string') %}{{ x|list }}{{ x|list }}", "{% set it = nums|select('odd') %}{{ it|first }}{{ it|list }}",
    "{% macro m(messages) %}{% set q = messages[0].role %}{{ q }}{% endmacro %}{{ m(messages) }}{{ q is defined }}",
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] | trim + eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "{{ f(*[1]) if f is defined }}{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 3]) }}{{ f(**{'a': 5}) }}{{ f(1, *[4]) }}",
    "{% set loop = 5 %}{{ loop }}{% for i in [1] %}{{ i }}{% endfor %}", "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for m in messages[1:] %}{% if m.content is string and not(m.content.startswith('<')) %}{{ m.content|tojson }}{% endif %}{% endfor %}",
]
# One expression each: markups, then integers of any length, then texts in lines.
HTML = r"""
'<a>'|safe + '<b>'
'<b>' + ('<a>'|safe)
('<a>'|safe) * 2 + '&'
'<a>'|e|e
'<a>'|e|forceescape
('<p>%s</p>'|safe) % '<x>'
('%s|%r|%d|%5.1f'|safe) % ('<', "a'b", 3, 2.5)
('<%(k)s>'|safe) % {'k': '<v>'}
'%s' % ('<a>'|e)
('{}<{}>{k}'|safe).format('<', '&'|safe, k='"')
('{:>5}'|safe).format('<')
'{}'.format('<a>'|e) + '<'
('<{a}>'|safe).format_map({'a': '&'})
('<'|safe).join(['<', '&'|safe, 3])
'<'.join(['<', '&'|safe])
['<', '&'|safe]|join('<')
('a<b'|safe).split('<')
('a<b<c'|safe).partition('<')
('<i>'|safe)[1:] + '<'
('<i>'|safe)[0] + '<'
('<i>'|safe)|upper + '<'
('<i a>'|safe)|title + '<'
('<i a>'|safe)|trim|replace('a', '<')
('a b'|safe).replace('a', '<')
('a'|safe).center(5, '<')
('ab'|safe)|center(6) + '<'
'a'|e ~ '<'
['a'|safe, 'b']
('a'|safe) is escaped
('a'|safe) == 'a'
{'a'|safe: 1}['a']
('a\nb'|safe)|indent('<')
('<i>hello world</i>'|safe)|truncate(9) + '<'
'<%s>'|safe|format('<')
'<!-- a --><b>x  y</b>\n &lt;z&gt; &copy &notit; &#65;&#x1F600; &#0; &bogus;'|striptags
'a < b'|striptags + '<'
'See https://x.org/a_(b), (www.y.net). or me@x.org or mailto:me@x.org!'|urlize
'http://example.org/long/path'|urlize(12, true, target='_blank', rel='me')
'x.com 1.2.3.4 http://1.2.3.4:80/ ftp://a tel:+1'|urlize(extra_schemes=['tel:'])
{'a': '<', 'b': none, 'c': '&lt;'|safe}|xmlattr
12345678901234567890 * 98765432109876543210
2 ** 200 - 1
-(2 ** 64) // 7
-(2 ** 64) % 1000003
2 ** 63 - 1 + 1
-9223372036854775808 - 1
10 ** 30 / 7
(10 ** 30) // (10 ** 12 + 1)
10 ** 25 == 1e25
10 ** 22 == 1e22
{2 ** 70: 'a'}[2.0 ** 70]
2 ** 64 > 1.8e19
[2 ** 65, 3, 2.5e19]|sort
'123456789012345678901234567890'|int + 1
'0x1ffffffffffffffffffff'|int(0, 16)
1e25|int
'%d %x %,d' % (1, 2, 3)
'%d|%x|%30d' % (2 ** 70, 2 ** 70, -(2 ** 70))
'{:,}|{:x}|{:>30}'.format(2 ** 70, 2 ** 70, 2 ** 70)
(2 ** 70).bit_length()
true.bit_length()
(2 ** 70)|abs
(-(2 ** 70))|string|length
(10 ** 20 + 55)|round(-2)
(15 * 10 ** 20)|round(-21)
[2 ** 70]|tojson
2 ** 70 is odd
2 ** 70 is integer
nums[:2 ** 70]
nums[2 ** 70] is defined
s.find('o', none, none)
s.startswith('H', none)
'  a  b  c '.split(none, 1)
'  a  b  c '.rsplit(none, 1)
'  a  b  c '.split(none, 0)
'a b'.split(none)
'The quick-brown fox -- jumps_over the extraordinarily lazy dog'|wordwrap(12)
'aaaa bbbb-cccc-dddd'|wordwrap(7, false)
'one two\n\nthree four'|wordwrap(5, wrapstring='|')
'well-known x-y-zz a--b 3-4'|wordwrap(3, break_on_hyphens=false)
d|pprint
messages|pprint
'a word and more ' * 9
('a word and more ' * 9)|pprint
(['a word and more ' * 9], {'k': ('a word and more ' * 9, 1), 2: none})|pprint
['only']|random
"""
AUTOESCAPE = [
    "{% autoescape true %}<{{ '<' }}{{ '<'|safe }}{{ 1 }}{{ nil }}{{ missing }}{% endautoescape %}{{ '<' }}",
    "{% autoescape true %}{{ '<' ~ '>' }}{{ '<' ~ ('>'|safe) }}{{ ['<', '>'|safe]|join('&') }}{{ ['<', '>']|join('&') }}{% endautoescape %}",
    "{% autoescape yes %}{{ '<' ~ ('>'|safe) }}{% endautoescape %}{% autoescape no %}{{ '<' }}{% endautoescape %}",
    "{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m('<') }}{% autoescape true %}{{ m('<') }}{{ m('<') + '<' }}{% endautoescape %}",
    "{% autoescape true %}{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m('<') }}{% endautoescape %}{{ m('<') }}",
    "{% autoescape true %}{% set z %}<{{ '<' }}{% endset %}{{ z }}{% endautoescape %}{{ z + '<' }}",
    "{% autoescape true %}{% filter upper %}<i>{{ '<' }}{% endfilter %}{% call(x) f() %}{% endcall %}{% endautoescape %}{% macro f() %}{% endmacro %}",
    "{% autoescape true %}{{ s|replace('o', '<') }}{{ s|replace('o'|safe, '<') }}{{ s|replace('o', '<'|safe) }}{{ {'a': '<'}|xmlattr }}{{ 'www.x.org'|urlize }}{% endautoescape %}",
    "{% autoescape true %}{% for x in tree recursive %}<{{ x.v }}{{ loop(x.c) }}>{% endfor %}{% endautoescape %}",
    "{% block a %}[{{ n }}{{ q }}]{% endblock %}{% set q = 1 %}{{ self.a() }}{{ self.a()|upper }}{% for q in [5] %}{% block b %}{{ q }}{% endblock %}{% endfor %}",
    "{% for q in [5] %}{% block b scoped %}{{ q }}{% endblock %}{% endfor %}{{ self.none is defined }}",
    "{% if no %}{{ n|nofilter }}{{ n is notest }}{% endif %}{{ n|nofilter if no else 'b' }}{% if yes %}a{% elif n is notest %}{% endif %}",
]
ERRORS = [
    "{% if yes %}{{ n|nofilter }}{% endif %}", "{% if no %}{% for i in [1] %}{{ i|nofilter }}{% endfor %}{% endif %}", "{% if no %}{% with %}{{ 1|nofilter }}{% endwith %}{% endif %}",
    "{% if no %}{% set z | nofilter %}{% endset %}{% endif %}", "{{ no and (n|nofilter) }}", "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    "{{ ('a'|safe) + 1 }}", "{{ ('{:5}'|safe).format('a'|safe) }}", "{{ ('%x'|safe) % 3 }}", "{{ 2 ** 70 % 0 }}", "{{ 1e308 * 10 ** 400 }}", "{{ 10 ** 5000 }}", "{{ 'a' * 2 ** 70 }}",
    "{{ range(2 ** 70) }}", "{{ 'a'|wordwrap(0) }}", "{{ 'a'|urlize(extra_schemes=['x']) }}",
    "{{ missing.x }}", "{{ missing + 1 }}", "{{ missing() }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ [] + () }}",
    "{{ 1 < 'a' }}", "{{ n() }}", "{{ nums.append(1) }}", "{{ d.update({}) }}", "{{ ''.__class__.__mro__ }}", "{{ n|length }}", "{{ nil|list }}", "{% for i in 5 %}{% endfor %}",
    "{{ s.index('zz') }}", "{{ ''.split('') }}", "{{ nums|tojson|nofilter }}", "{{ n is notest }}", "{{ raise_exception('stop here') }}", "{{ missing|tojson }}", "{{ range(1000000) }}",
    "{% if %}", "{% for %}", "{{ 1 + }}", "{{ (1 }}", "{% endif %}", "{% if 1 %}", "{{ 'a }}", "{% set 1 = 2 %}", "{% set loop.x = 1 %}", "{% for loop in [] %}{% endfor %}", "{% break %}",
    "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% from 'a' import b %}", "{% set d.x = 1 %}", "{% set a, b = [1] %}", "{{ {[]: 1} }}", "{{ '%d' % 'x' }}", "{{ '%s %s' % 'x' }}",
    "{{ '{}'.format() }}", "{{ '{'.format() }}", "{{ nums[::0] }}", "{{ s|int(1, 2, 3) }}", "{{ s.upper(1) }}", "{{ s|trim(bogus=1) }}", "{{ namespace(1) }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(z=1) }}", "{{ loop.index }}", "{{ words|sum }}", "{{ [1, 'a']|sort }}", "{{ '' | first . x }}", "{# open", "{% raw %}x", "{{ a b }}", "{{ x is defined is true }}",
]


def main():
    # Pieces separated by ' | ' with blanks are one expression each.
    templates = ["{{ " + e.strip() + " }}" for block in (EXPRESSIONS, FILTERS, TESTS)
                 for line in block.strip().splitlines() for e in line.split(" | ") if e.strip()]
    templates += ["{{ " + e + " }}" for e in HTML.strip().splitlines()]
    templates += TEMPLATES + AUTOESCAPE + ERRORS
    cases = []
    for template in templates:
        got = render(template, V)
        failed = isinstance(got, Exception)
        if not failed and "0x7f" in got and " at 0x" in got:
            continue  # prints an address
        cases.append([template, None if failed else got])
    out = Path(__file__).resolve().parents[2] / "tests/golden/templates/cases.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    out.write_text('{"variables": ' + json.dumps(V, ensure_ascii=False) + ',\n"cases": [\n' + rows + "\n]}\n")
    print(len(cases), "cases,", sum(c[1] is None for c in cases), "of them errors")
