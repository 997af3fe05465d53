"""How the report page looks: one style sheet, for light, for dark and for paper.

It loads nothing. The page allows exactly this sheet, by its hash, so that no element may carry style of its own.
"""

from __future__ import annotations

from typing import Final

_LIGHT: Final = (
    "--paper:#fcfcfb;--card:#fff;--wash:#f3f4f3;--line:#e2e4e3;--ink:#1d2125;--soft:#59616a;--accent:#1d5c87;"
    "--good:#17643f;--good-wash:#e8f3ed;--warn:#7a4b00;--warn-wash:#faf1df;--bad:#9c231c;--bad-wash:#fbebe9;"
    "--calm:#465361;--calm-wash:#edf0f3;--mark:#ffe59a"
)
_DARK: Final = (
    "--paper:#13161a;--card:#191d21;--wash:#20252a;--line:#2d3339;--ink:#e6e7e5;--soft:#a3acb5;--accent:#84bce3;"
    "--good:#83cfa8;--good-wash:#16281f;--warn:#e8b96c;--warn-wash:#2c2415;--bad:#f49a91;--bad-wash:#331d1b;"
    "--calm:#b6c2ce;--calm-wash:#242b32;--mark:#5c4a14"
)

STYLE: Final = (
    f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
"""
    + """
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
  "Helvetica Neue","Noto Sans","Liberation Sans",Arial,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
  font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header,main,footer{max-width:70rem;margin:0 auto;padding:0 clamp(1rem,4vw,2.5rem)}
header{padding-top:clamp(2rem,6vw,4.5rem)}
footer{padding-top:4rem;padding-bottom:3rem;color:var(--soft);font-size:.875rem}
h1,h2,h3,p,dl,dd,ul,pre,figure{margin:0}
ul{padding:0;list-style:none}
code,pre{font:.8125rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
code{direction:ltr;unicode-bidi:isolate}
pre{white-space:pre-wrap}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:3px}

.good{--state:var(--good);--tint:var(--good-wash)}
.warn{--state:var(--warn);--tint:var(--warn-wash)}
.bad{--state:var(--bad);--tint:var(--bad-wash)}
.calm{--state:var(--calm);--tint:var(--calm-wash)}

.eyebrow{color:var(--soft);font-size:.875rem;letter-spacing:.01em}
h1{display:flex;align-items:center;gap:.35em;margin:.9rem 0 1.1rem;color:var(--state);
  font-size:clamp(2.1rem,8vw,3.75rem);font-weight:650;line-height:1.05;letter-spacing:-.025em}
h1 .glyph{display:grid;place-items:center;flex:none;width:1.25em;height:1.25em;border-radius:.3em;
  background:var(--tint);font-weight:500;letter-spacing:0}
.lede{max-width:44rem;font-size:clamp(1.1rem,2.6vw,1.3rem);line-height:1.45}
.sum{max-width:44rem;margin-top:.6rem;color:var(--soft)}
.facts{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));margin-top:2.5rem;border-top:1px solid var(--line);
  border-bottom:1px solid var(--line)}
.facts div{display:flex;flex-direction:column-reverse;justify-content:flex-end;padding:1.15rem 1rem 1.1rem 1.5rem}
.facts div+div{border-left:1px solid var(--line)}
.facts div:first-child{padding-left:0}
.facts dt{color:var(--soft);font-size:.875rem;line-height:1.4}
.facts dd{font-size:1.7rem;font-weight:600;line-height:1.3;letter-spacing:-.015em}
.facts dd small{color:var(--soft);font-size:1rem;font-weight:400;letter-spacing:0}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:1.5rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin-top:1.75rem;font-size:.9375rem}

.tag{display:inline-flex;align-items:baseline;gap:.4em;padding:.12rem .6rem .14rem .5rem;border-radius:99px;
  background:var(--tint);color:var(--state);font-size:.75rem;font-weight:650;letter-spacing:.025em;line-height:1.55;
  max-width:100%;overflow-wrap:break-word}
.tag b{font-weight:650}
.tag span{font-weight:500}
.kind{color:var(--soft);font-size:.8125rem;overflow-wrap:break-word}

section{margin-top:clamp(3.25rem,7vw,5rem)}
h2{font-size:1.45rem;font-weight:620;line-height:1.3;letter-spacing:-.012em;scroll-margin-top:1.5rem}
h2 small{margin-left:.4rem;color:var(--soft);font-size:1rem;font-weight:400;letter-spacing:0}
h3{font-size:1rem;font-weight:600;line-height:1.5}
h3 code{font-size:.9rem;font-weight:600}
.lede,.sum,.intro{text-wrap:pretty}
.intro{max-width:44rem;margin-top:.45rem;color:var(--soft)}
.soft,.more,.place,.reason{color:var(--soft);font-size:.875rem}
.more{margin-top:1rem}
.place code,.soft code{color:inherit}
.card{margin-top:1.35rem;border:1px solid var(--line);border-radius:10px;background:var(--card);
  padding:1.15rem 1.35rem 1.3rem}
.alarm{border-color:var(--state);border-left-width:5px}
.alarm h3{margin:.5rem 0 .1rem}
.alarm p{max-width:52rem}
.head{display:flex;align-items:baseline;justify-content:space-between;gap:.3rem 1rem}
.head>div{flex:0 1 auto;min-width:0;max-width:60%;text-align:right}
.head>h3{flex:1 1 0;min-width:0}
.row{margin-top:0;padding:1rem 0 1.05rem;border-bottom:1px solid var(--line)}
.intro+.row{margin-top:1.35rem;border-top:1px solid var(--line)}
.card+.row{margin-top:.75rem}
.row details{margin-top:.35rem}
.card>.excuse{margin-top:.4rem;color:var(--soft);font-size:.9rem;max-width:56rem}
.users{margin-top:.35rem;color:var(--soft);font-size:.875rem}
.users code{color:var(--ink)}
.users>code:not(:last-child){margin-right:.15rem}
.label,.small{color:var(--soft);font-size:.75rem;line-height:1.5}
.problem dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.15rem 1rem;margin-top:.6rem;font-size:.9375rem}
.problem dt{color:var(--soft)}
.says{font-weight:600}

.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.3rem 1rem;margin-top:1rem}
.pair+.pair{margin-top:.9rem;padding-top:.8rem;border-top:1px solid var(--line)}
.pair .what{grid-column:1/-1;display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .75rem}
.pair .what .of{color:var(--soft)}
.pair .look{grid-column:1/-1}
.value{margin-top:.15rem;padding:.4rem .75rem;border-radius:6px;background:var(--wash);min-height:2.05rem}
.value.absent{background:none;box-shadow:inset 0 0 0 1px var(--line);color:var(--soft);font-style:italic;
  font-size:.875rem;line-height:1.4}
.pair .place{margin-top:.3rem;font-size:.8125rem;line-height:1.5}
.place code{font-size:.75rem}
.place li+li{margin-top:.1rem}
.cut{color:var(--soft);font-style:italic}
mark{border-radius:2px;background:var(--mark);color:inherit}

.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}

details{margin-top:.7rem}
summary{width:fit-content;max-width:100%;padding:.1rem 0;color:var(--accent);font-size:.875rem;cursor:pointer}
th>details{margin-top:0}
th>details>summary{color:inherit}
details>.scroll,details>.pair,details>ul{margin-top:.6rem}
details>ul li{padding:.1rem 0}

.scroll{overflow-x:auto;margin-top:1.35rem}
table{width:100%;border-collapse:collapse;font-size:.9rem;line-height:1.5}
caption{padding-bottom:.5rem;color:var(--soft);font-size:.8125rem;text-align:left}
th,td{padding:.6rem .9rem .6rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{color:var(--soft);font-size:.8125rem;font-weight:500;vertical-align:bottom;border-bottom-color:var(--soft);
  overflow-wrap:normal}
tbody th{font-weight:400}
th:last-child,td:last-child{padding-right:0}
.num{text-align:right;white-space:nowrap}
.few,.badge{white-space:nowrap}
.words{overflow-wrap:normal}
.name{width:44%;min-width:16rem}
td.none::before{content:"–";color:var(--soft)}
td .was,th .was{display:block;color:var(--soft);font-size:.8125rem}
.was code{font-size:.75rem}
details tr:last-child>*{border-bottom:0}
td .reason,th .reason{display:block;margin-top:.2rem;max-width:40rem}
.scale{width:22%}
.bar{display:block;width:100%;height:.4rem;margin-top:.5rem}
.bar rect{fill:var(--accent)}
.bar .all{fill:var(--wash)}

.glossary{display:grid;grid-template-columns:minmax(8.5rem,auto) minmax(0,1fr);gap:.55rem 1.5rem;margin-top:.75rem;
  max-width:56rem;font-size:.9375rem}
section>h3{margin-top:2.25rem}
.glossary dt{align-self:baseline}

@media screen and (max-width:54rem){
  table,tbody,tr,caption,th,td{display:block}
  thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
  tbody tr{padding:.85rem 0;border-bottom:1px solid var(--line)}
  tbody th[class],tbody td[class]{padding:.1rem 0;border:0;text-align:left;white-space:normal}
  tbody th[class]{margin-bottom:.3rem}
  tbody td[data-label]{display:grid;grid-template-columns:6.5rem minmax(0,1fr);gap:.25rem .75rem}
  tbody td[data-label]::before{content:attr(data-label);color:var(--soft);font-size:.8125rem;line-height:1.65}
  tbody td.badge,tbody td.scale,tbody td.wide{display:block}
  tbody td.badge::before,tbody td.scale::before,tbody td.wide::before{content:none}
  tbody td.badge{margin-bottom:.35rem}
  tbody td.none{display:none}
  .name,.scale{width:auto;min-width:0}
}
@media screen and (max-width:46rem){
  .facts{grid-template-columns:repeat(2,minmax(0,1fr))}
  .facts div:nth-child(odd){padding-left:0;border-left:0}
  .facts div:nth-child(n+3){border-top:1px solid var(--line)}
  .card{padding:1rem 1rem 1.15rem}
  .head{flex-wrap:wrap}
  .head>div{max-width:100%;text-align:left}
  .head>h3{flex:0 1 auto}
  .pair{grid-template-columns:minmax(0,1fr)}
  .pair .side+.side{margin-top:.35rem}
  .glossary{grid-template-columns:minmax(0,1fr);gap:.15rem}
  .glossary dd{margin-bottom:.7rem}
}
@media (max-width:60rem),print{
  .facts dd small{display:block;font-size:.875rem}
  .few{white-space:normal;overflow-wrap:normal}
}
@media print,(min-width:46.01rem){
  .pair+.pair .label{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
}
@media print{
  @page{margin:15mm}
  :root{color-scheme:light;--paper:#fff;--wash:#f5f5f5}
  html{font-size:78%}
  header{padding-top:0}
  header,main,footer{max-width:none;padding-left:0;padding-right:0}
  nav{display:none}
  section{margin-top:2rem}
  h2,h3,.intro,.head,.users,.excuse,.what{break-after:avoid}
  tr,.users,.side,.pair,.problem{break-inside:avoid}
  .scroll{overflow:visible}
  .name{width:40%;min-width:14rem}
  th,td{padding-right:.6rem}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""
)
"""The text of the page's one `style` element."""
