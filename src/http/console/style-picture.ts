/** How pictures, tables and lists look; and what changes where there is little width. */
export const pictureStyle: string = `
.timeline { display: block; overflow: visible; }
figure { padding: 0.4rem 0.6rem 0; }
.grid line { stroke: var(--line); stroke-width: 1; }
.thread { stroke: var(--line); stroke-dasharray: 2 4; }
.axis text, .lane { fill: var(--faint); font-size: 12px; }
.axis text { text-anchor: middle; }
.axis .now { text-anchor: end; font-weight: 600; }
.bar rect { fill: var(--calm-soft); stroke: var(--line-strong); stroke-width: 1; }
.bar text { fill: var(--ink); font-size: 14px; font-weight: 600; }
.bar.live rect { fill: var(--accent); stroke: var(--accent); }
.bar.live text { fill: var(--accent-ink); }
.bar.rolled-back rect { fill: var(--bad-soft); stroke: var(--bad); }
.bar.rolled-back rect.over { fill: url(#hatch); stroke: none; }
.bar.rolled-back text { fill: var(--bad); paint-order: stroke; stroke: var(--bad-soft);
  stroke-width: 5px; }
.bar.none rect { fill: none; stroke-dasharray: 3 3; }
.bar.none text { fill: var(--faint); font-weight: 500; }
.bar .gap { stroke: var(--card); stroke-width: 3; stroke-dasharray: 3 3; }
rect.hatch { fill: var(--bad); opacity: 0.35; }
.strip .bar text { font-size: 11px; }
.drop { stroke-width: 1.5; stroke: var(--bad); stroke-dasharray: 3 2; }
.drop.undo { stroke: var(--accent); }
.mark { fill: var(--faint); }
.mark .target { fill: transparent; }
.mark .ink { fill: none; stroke: var(--card); stroke-width: 1.6; stroke-linecap: round;
  stroke-linejoin: round; }
.mark .count { font-size: 11px; font-weight: 650; fill: var(--ink); paint-order: stroke;
  stroke: var(--card);
  stroke-width: 3px; }
.mark.alarm { fill: var(--warn); }
.mark.rollback, .mark.failure { fill: var(--bad); }
.mark.undo { fill: var(--accent); }
.mark.promotion { fill: var(--good); }
.mark.refusal { fill: var(--faint); }
.mark.waiting { fill: var(--warn); }
.mark a:hover { opacity: 0.75; }
.interval { display: block; overflow: visible; }
.interval .good { fill: var(--good); } .interval .bad { fill: var(--bad);
  } .interval .warn { fill: var(--warn); }
line.range { stroke: var(--ink); stroke-width: 2; }
circle.range { fill: var(--ink); }
.sign circle, .interval circle { stroke: var(--card); stroke-width: 1; }
line.zero { stroke: var(--line-strong); stroke-width: 1.5; stroke-dasharray: 2 3; }
line.limit { stroke: var(--bad); stroke-width: 1.5; }
rect.beyond { fill: url(#hatch); }
.metrics .wide .faint { display: block; overflow-wrap: anywhere; }
.metrics .kind { display: block; }
.digest { overflow-wrap: anywhere; font-size: 0.85rem; }
.reasons li { padding: 0.22rem 0; font-size: 0.93rem; overflow-wrap: anywhere; }
.sign { flex: none; vertical-align: -3px; }
.events .sign { margin-top: 3px; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; font-size: 0.84rem;
  color: var(--faint); margin-top: 0.4rem; }
.legend li { display: inline-flex; gap: 0.35rem; align-items: center; }
.swatch { width: 18px; height: 11px; border-radius: 3px; border: 1px solid var(--line-strong);
  background: var(--calm-soft); }
.swatch.live { background: var(--accent); border-color: var(--accent); }
.swatch.rolled-back { border-color: var(--bad);
  background: repeating-linear-gradient(45deg, var(--bad-soft) 0 3px, var(--bad) 3px 4px); }
.ranges { display: flex; gap: 0.15rem; font-size: 0.86rem; }
.ranges a { padding: 0.2rem 0.6rem; border-radius: 6px; text-decoration: none; min-height: 1.6rem; }
.ranges a:hover { text-decoration: underline; }
.ranges [aria-current] { background: var(--accent-soft); color: var(--ink); font-weight: 600; }
.waiting ul { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%),
  1fr)); gap: 0 1rem; }
.waiting { margin-top: 1.2rem; }
.wait { border-left: 4px solid var(--warn); display: grid; grid-template-columns: minmax(0,
  1fr) auto; gap: 0.3rem 1rem;
  align-items: center; }
.wait > * + * { margin-top: 0; }
.wait .command { grid-column: 1 / -1; justify-self: start; }
.live-line { color: var(--ink); }

table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 0.93rem; }
th, td { text-align: left; padding: 0.5rem 0.9rem 0.5rem 0; vertical-align: middle; }
thead th { font-size: 0.8rem; font-weight: 550; color: var(--faint); padding-bottom: 0.25rem; }
tbody tr { border-top: 1px solid var(--line); }
.models tbody th { font-weight: 600; overflow-wrap: anywhere; }
.models th:first-child { width: 21%; }
.models thead th:nth-child(2) { width: 8%; }
.models thead th:nth-child(3) { width: 17%; }
.models .wide { width: 27%; }
.models td:last-child { padding-right: 0; }
.models td .faint { font-size: 0.85rem; }
.metrics thead th:nth-child(1) { width: 17%; }
.metrics thead th:nth-child(2) { width: 21%; }
.metrics thead th:nth-child(3) { width: 49%; }
.comparison th[scope='row'] { font-weight: 500; }
.comparison td { font: 0.84rem/1.5 var(--mono); overflow-wrap: anywhere; min-width: 8rem; }
.comparison th:first-child { width: 26%; }
.comparison .differs td:last-child { font-weight: 700; }
.attempts li { display: grid; grid-template-columns: 9.5rem 16rem minmax(0, 1fr) minmax(0, 1fr);
  gap: 0.1rem 1rem; padding: 0.42rem 0;
  border-top: 1px solid var(--line); align-items: baseline; font-size: 0.93rem; }
.attempts li:first-child { border-top: 0; }
.attempts .when, .moments .when { color: var(--faint); font-size: 0.87rem; }
.attempts .what { text-decoration: none; }
.attempts .what:hover .move { text-decoration: underline; }
.attempts .model, .attempts .by { overflow-wrap: anywhere; }
.attempts .by { font-size: 0.87rem; }
.moments li { display: grid; grid-template-columns: 9.5rem 4.5rem minmax(0, 1fr);
  gap: 0.1rem 1rem; padding: 0.25rem 0;
  font-size: 0.93rem; align-items: baseline; overflow-wrap: anywhere; }
.moments .gap { color: var(--faint); font-size: 0.84rem; text-align: right; }
.spans li { padding: 0.2rem 0; font-size: 0.93rem; }
.facts > div { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); gap: 0.5rem;
  padding: 0.15rem 0; font-size: 0.93rem; }
.facts dt { color: var(--faint); }
.facts dd { overflow-wrap: anywhere; }
.channels li, .quarantine li { display: flex; flex-wrap: wrap; gap: 0.4rem 0.9rem;
  align-items: center; padding: 0.3rem 0;
  font-size: 0.93rem; }

@media (max-width: 46rem) {
  html { font-size: 15px; }
  main { padding: 1rem 0.9rem 1.5rem; }
  .top .inner { padding: 0.5rem 0.9rem; }
  .find { order: 3; width: 100%; }
  .find input { width: 100%; }
  .card { padding: 0.85rem 0.9rem; }
  .title .row { margin-left: 0; }
  .axis .odd { display: none; }
  .wait { grid-template-columns: minmax(0, 1fr); }
  .comparison { table-layout: auto; }
  .models thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
  .models, .models tbody, .models tr, .models th, .models td { display: block; width: auto;
  padding: 0.1rem 0; }
  .models tr { padding: 0.6rem 0; }
  .models td[data-label]::before { content: attr(data-label) ' '; color: var(--faint);
  font-size: 0.84rem; margin-right: 0.4rem; }
  .models .badges { display: inline-flex; }
  .models tbody th:first-child { width: auto; }
  .models .wide, .metrics .wide { width: auto; padding: 0.3rem 0; }
  .attempts li, .moments li { grid-template-columns: 1fr; gap: 0.1rem; }
  .moments .gap { text-align: left; }
  .moments .gap:empty { display: none; }
}
@media print {
  .top form, .action, .copy, .skip, footer { display: none; }
  .card { break-inside: avoid; border-color: #999; }
}
`;
