# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the status page. One inline style sheet: the page requests nothing else.

The page's Content-Security-Policy allows the sheet by its hash, so elements have no inline styles.
"""

from __future__ import annotations

import base64
import hashlib

from .html import Markup, tag

LIGHT = {
    "ground": "#f5f6f8",
    "card": "#ffffff",
    "line": "#e1e5eb",
    "ink": "#1a2330",
    "soft": "#55606f",
    "mark": "#2f6fc4",
    "fill": "#d6e4f7",
    "good": "#17653a",
    "good-ground": "#e1f3e8",
    "bad": "#a01d1d",
    "bad-ground": "#fbe6e5",
    "warn": "#744700",
    "warn-ground": "#fcefd5",
    "busy": "#1d4e97",
    "busy-ground": "#e3edfb",
    "none": "#4a5564",
    "none-ground": "#eceff3",
}

DARK = {
    "ground": "#11151b",
    "card": "#191f28",
    "line": "#2b3440",
    "ink": "#e7ebf1",
    "soft": "#a0acbb",
    "mark": "#6ea6ee",
    "fill": "#22364f",
    "good": "#83d8a4",
    "good-ground": "#163526",
    "bad": "#ffa39c",
    "bad-ground": "#432020",
    "warn": "#f1c677",
    "warn-ground": "#3a2d13",
    "busy": "#9fc5ff",
    "busy-ground": "#1a2f4e",
    "none": "#b8c2cf",
    "none-ground": "#29313d",
}

RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;color-scheme:light dark}
body{margin:0;background:var(--ground);color:var(--ink);overflow-wrap:anywhere;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem;padding-bottom:1rem;display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem}
h1{font-size:1.6rem;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:1.0625rem;line-height:1.3;margin:0}
p,ul,ol,dl,dd{margin:0;padding:0}
ul,ol{list-style:none}
code,.mono{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.shapes{position:absolute}
.host{color:var(--soft)}
.written{color:var(--soft);font-size:.875rem;margin-left:auto}
.stale{flex-basis:100%;background:var(--bad-ground);color:var(--bad);border-radius:.625rem;padding:.75rem 1rem}
main,.rest{display:grid;gap:1rem;grid-template-columns:minmax(0,1fr)}
nav{max-width:76rem;margin:0 auto;padding:0 1rem 1rem}
nav ul{display:flex;flex-wrap:wrap;gap:.5rem}
a.pill{text-decoration:none}
[aria-current]{outline:2px solid currentColor}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.125rem;min-width:0}
.head{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:.25rem .75rem;
margin-bottom:.75rem}
.soft,.when{color:var(--soft)}
.small{font-size:.875rem}
.when{font-size:.8125rem;white-space:nowrap}
.ago::after{content:" \\b7"}
.ago{white-space:nowrap}
.pill{display:inline-flex;align-items:center;gap:.3em;border-radius:1em;padding:.0625rem .6em .0625rem .45em;
font-size:.8125rem;font-weight:600;overflow-wrap:normal;white-space:nowrap}
.icon{width:1em;height:1em;flex:none;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.good{background:var(--good-ground);color:var(--good)}
.bad{background:var(--bad-ground);color:var(--bad)}
.warn{background:var(--warn-ground);color:var(--warn)}
.busy{background:var(--busy-ground);color:var(--busy)}
.none{background:var(--none-ground);color:var(--none)}
.verdict{border-color:transparent}
.verdict h2{display:flex;align-items:center;gap:.5rem}
.verdict li{margin-top:.25rem;padding-left:1.5625rem}
.note{border-radius:.5rem;padding:.5rem .75rem;margin-bottom:.875rem;font-size:.875rem}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.125rem 1rem;font-size:.875rem}
.facts dt{color:var(--soft)}
table{width:100%;border-collapse:collapse;margin-top:.875rem;font-size:.875rem}
th,td{text-align:left;padding:.375rem .75rem .375rem 0;border-top:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:400;font-size:.8125rem;border-top:0;padding-top:0}
tbody th{font-weight:600;min-width:6.5rem}
td .pill{white-space:normal}
td code{white-space:nowrap}
.why td{border-top:0;padding-top:0;color:var(--soft)}
.steps li{border-top:1px solid var(--line);padding:.625rem 0}
.steps li:first-child{border-top:0;padding-top:0}
.steps li:last-child,.road li:last-child{padding-bottom:0}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:.125rem .625rem}
.row .pill{margin-left:auto}
.said{font-size:.875rem;margin-top:.125rem}
.road li{position:relative;padding:0 0 1rem 1.5rem}
.road li::before{content:"";position:absolute;left:.25rem;top:.4375rem;width:.625rem;height:.625rem;border-radius:50%;
background:var(--card);border:2px solid var(--soft)}
.road li::after{content:"";position:absolute;left:calc(.5625rem - 1px);top:1.25rem;bottom:-.25rem;width:2px;
background:var(--line)}
.road li:last-child::after{display:none}
.road .is-live::before{background:var(--good);border-color:var(--good)}
.road .is-failed::before{background:var(--bad);border-color:var(--bad);border-radius:0}
.road .is-rolled_back::before{border-color:var(--warn);border-radius:0}
.changes li{font-size:.875rem;padding:.1875rem 0 .1875rem 1rem;position:relative}
.changes li::before{content:"";position:absolute;left:.125rem;top:.75rem;width:.3125rem;height:.3125rem;
border-radius:50%;background:var(--soft)}
.type{display:block;background:var(--ground);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem;
margin-top:.75rem}
.plot{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem .625rem;margin:.875rem 0 .75rem}
.plot svg{width:100%;height:11rem;display:block;border:1px solid var(--line);border-radius:.375rem;overflow:hidden}
.scale,.span{display:flex;justify-content:space-between;font-size:.8125rem;color:var(--soft)}
.scale{flex-direction:column;text-align:right}
.span{grid-column:2}
.plot path,.plot line,.key path{vector-effect:non-scaling-stroke}
.area{fill:var(--fill);stroke:none}
.used{fill:none;stroke:var(--mark);stroke-width:2;stroke-linejoin:round}
.floor{fill:none;stroke:var(--bad);stroke-width:1.5;stroke-dasharray:5 4}
.dots{fill:none;stroke:var(--mark);stroke-width:7;stroke-linecap:round}
.gone{fill:none;stroke:var(--bad);stroke-width:2}
.plot.low svg{height:5.5rem}
.key+.small{margin-top:1rem}
.grid{fill:none;stroke:var(--line);stroke-width:1}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.875rem}
.key li{display:flex;align-items:center;gap:.5rem}
.key svg{width:1.5rem;height:.75rem;flex:none}
.empty{color:var(--soft);font-size:.9375rem}
footer{color:var(--soft);font-size:.8125rem;padding-top:1rem;padding-bottom:2rem}
@media (max-width:30rem){section{padding:.875rem}.wide{display:none}.written{margin-left:0}.told{display:none}}
@media (max-width:23rem){td code{white-space:normal}tbody th{min-width:0}.row .pill{margin-left:0}}
@media (min-width:62rem){main{grid-template-columns:repeat(2,minmax(0,1fr));align-items:start}.whole{grid-column:1/-1}
.rest{display:block;columns:2;column-gap:1rem}.rest section{break-inside:avoid;margin-bottom:1rem}}
@media print{body{background:none}section{break-inside:avoid}}
"""


def _colours(palette: dict[str, str]) -> str:
    return ":root{" + "".join(f"--{name}:{value};" for name, value in palette.items()) + "}"


SHEET = _colours(LIGHT) + "@media (prefers-color-scheme:dark){" + _colours(DARK) + "}" + RULES

_HASH = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()

#: Content-Security-Policy: nothing is loaded, run or sent, and only this sheet applies. `data:` is for the empty icon,
#: without which browsers request one from the apps.
POLICY = f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'sha256-{_HASH}'"


def style() -> Markup:
    return tag("style", Markup(SHEET))
