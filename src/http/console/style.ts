import { pictureStyle } from './style-picture.ts';

/** How the pages look: system fonts, two colour schemes, no more width than there is. */
export const style: string = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1a1d24; --faint: #5a6272; --line: #dde1e8;
  --line-strong: #8a93a3;
  --link: #2946c2; --accent: #3450d8; --accent-ink: #ffffff; --accent-soft: #e8ecfd;
  --good: #11683d; --good-soft: #e2f3e9; --bad: #a6192e; --bad-soft: #fde8ea;
  --warn: #7a4b00; --warn-soft: #fdf0d5; --calm-soft: #eceef2; --code: #eef0f4;
  --radius: 10px; --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101319; --card: #181c24; --ink: #e6e9ef; --faint: #a0a9ba; --line: #2b313d;
    --line-strong: #687386;
    --link: #9db0ff; --accent: #8ea4ff; --accent-ink: #0c1330; --accent-soft: #222b4d;
    --good: #7fd6a4; --good-soft: #14311f; --bad: #ff9aa6; --bad-soft: #3c171d;
    --warn: #f0c368; --warn-soft: #352709; --calm-soft: #262c37; --code: #232936;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
body { margin: 0; background: var(--paper); color: var(--ink); font-variant-numeric: tabular-nums; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 2rem; }
main:focus { outline: none; }
h1, h2, h3, p, ul, ol, dl, dd, figure, table { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 1.6rem; line-height: 1.25; letter-spacing: -0.015em; font-weight: 650;
  overflow-wrap: anywhere; }
h2 { font-size: 1.02rem; line-height: 1.4; font-weight: 650; }
h3 { font-size: 0.92rem; line-height: 1.4; font-weight: 650; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 3px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code { font: 0.84em/1.5 var(--mono); overflow-wrap: anywhere; }
p code, li code, .done code { background: var(--code); border-radius: 4px; padding: 0.1em 0.35em; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.skip { position: absolute; left: -999px; top: 0; background: var(--card); padding: 0.5rem 1rem;
  z-index: 2; }
.skip:focus { left: 0; }
time { white-space: nowrap; }
.faint, .hint { color: var(--faint); }
.hint { font-size: 0.88rem; }

.top { background: var(--card); border-bottom: 1px solid var(--line); }
.top .inner { max-width: 70rem; margin: 0 auto; padding: 0.6rem 1.25rem; display: flex;
  align-items: center;
  gap: 0.6rem 1rem; flex-wrap: wrap; }
.brand { display: inline-flex; gap: 0.5rem; align-items: center; color: var(--ink);
  font-weight: 650;
  text-decoration: none; letter-spacing: -0.01em; }
.brand circle { fill: var(--accent); }
.brand path { fill: none; stroke: var(--accent-ink); stroke-width: 1.8; stroke-linecap: round;
  stroke-linejoin: round; }
.where { color: var(--faint); font: 0.8rem var(--mono); overflow-wrap: anywhere;
  margin-right: auto; }
.find { display: flex; }
.find input { border-radius: 8px 0 0 8px; border-right: 0; width: 11rem; }
.find button { border-radius: 0 8px 8px 0; }
.who { color: var(--faint); font-size: 0.88rem; }
footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem 2.5rem; color: var(--faint);
  font-size: 0.85rem; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
  padding: 1rem 1.15rem;
  margin-top: 1rem; }
.card > * + *, .card-head + * { margin-top: 0.65rem; }
.card h3 { margin-top: 0.9rem; }
.columns h3, .decisions h3, .wait h3 { margin-top: 0; }
button.copy, .find button { flex: none; white-space: nowrap; }
button[hidden] { display: none; }
.narrow { max-width: 30rem; margin: 3rem auto 0; }
.crumbs { font-size: 0.88rem; margin-bottom: 0.4rem; color: var(--faint); }
.title { display: flex; flex-wrap: wrap; gap: 0.35rem 1.25rem; align-items: baseline; }
.title .row { margin-left: auto; }
.of { color: var(--faint); font-weight: 500; }
.lead { margin-top: 0.6rem; font-size: 1.05rem; max-width: 60rem; overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem 0.9rem; align-items: center; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr));
  gap: 1rem 2rem; }
.columns.cards { gap: 0 1rem; }
.columns > *, .decisions > * { min-width: 0; }
.columns > section > * + * { margin-top: 0.5rem; }
.plan > * + * { margin-top: 0.6rem; }
.plan .columns { margin-top: 1rem; }
.after { margin-top: 1rem; }
.sub { color: var(--faint); margin-top: 0.2rem; }
.card-head { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; justify-content: space-between;
  align-items: baseline; }

button, .button { font: inherit; font-size: 0.9rem; font-weight: 550; line-height: 1.3;
  min-height: 2.1rem;
  padding: 0.35rem 0.8rem; border-radius: 8px; border: 1px solid var(--line-strong);
  background: var(--card);
  color: var(--ink); cursor: pointer; text-decoration: none; display: inline-block;
  text-align: left;
  max-width: 100%; overflow-wrap: break-word; }
button:hover, .button:hover { background: var(--accent-soft); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
.primary:hover { background: var(--link); border-color: var(--link); }
[aria-busy='true'] button { opacity: 0.65; cursor: progress; }
input, select { font: inherit; font-size: 0.92rem; min-height: 2.1rem; padding: 0.3rem 0.6rem;
  border-radius: 8px;
  border: 1px solid var(--line-strong); background: var(--card); color: var(--ink);
  max-width: 100%; }
::placeholder { color: var(--faint); opacity: 1; }
label { display: block; font-size: 0.85rem; font-weight: 550; }
.narrow input { width: 100%; }
.action { display: flex; flex-direction: column; gap: 0.35rem; align-items: flex-start; }
.action input:not([type='hidden']) { width: 100%; }
.action button { margin-top: 0.3rem; }
.decisions { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%),
  1fr)); gap: 1.25rem 2.5rem;
  border-top: 1px solid var(--line); padding-top: 0.9rem; }
.decisions > section > * + * { margin-top: 0.5rem; }
.reject { margin-top: 0.9rem; padding-top: 0.9rem; border-top: 1px solid var(--line); }
.reject > * + *, details > div > * + * { margin-top: 0.5rem; }

.badge { display: inline-block; font-size: 0.8rem; font-weight: 600; line-height: 1.3;
  padding: 0.12rem 0.5rem;
  border-radius: 99px; white-space: nowrap; background: var(--calm-soft); color: var(--ink); }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.badge.warn { background: var(--warn-soft); color: var(--warn); }
.badges { display: flex; flex-wrap: wrap; gap: 0.3rem; }
.banner, .done, .problem { border-radius: var(--radius); padding: 0.7rem 1rem; margin-top: 1rem;
  overflow-wrap: anywhere; }
.banner { background: var(--warn-soft); border-left: 4px solid var(--warn); }
.problem { background: var(--bad-soft); border-left: 4px solid var(--bad); }
.done { background: var(--good-soft); border-left: 4px solid var(--good); margin: 0 0 1rem; }
.sign-text { font-weight: 700; min-width: 1.1em; text-align: center; }
.sign-text.good { color: var(--good); } .sign-text.bad { color: var(--bad);
  } .sign-text.warn { color: var(--warn); }
.warnings { margin-top: 0.75rem; }
.guards li, .candidates li, .warnings li, .events li { display: flex; gap: 0.5rem;
  padding: 0.22rem 0; font-size: 0.93rem;
  overflow-wrap: anywhere; }
.guards li > :last-child, .candidates li > :last-child, .warnings li > :last-child,
  .events li > :last-child { min-width: 0; }
.code { color: var(--faint); font-size: 0.74rem; }
.candidates .passed-over { color: var(--faint); }
.candidates .passed-over b { color: var(--ink); }
.move b, .version { font-weight: 700; }
.move-line { font-size: 1.25rem; }
.version { font-size: 1.5rem; line-height: 1; }
details > summary { cursor: pointer; font-size: 0.92rem; color: var(--link); }
summary h2 { display: inline; color: var(--ink); }
details > summary + * { margin-top: 0.6rem; }
.command { display: inline-flex; align-items: center; max-width: 100%; background: var(--code);
  border-radius: 6px;
  padding-left: 0.5rem; min-height: 1.8rem; }
.command code { background: none; padding: 0.15rem 0.5rem 0.15rem 0; }
.copy { min-height: 1.8rem; padding: 0 0.6rem; font-size: 0.8rem; border: 0;
  border-left: 1px solid var(--line);
  border-radius: 0 6px 6px 0; background: none; color: var(--link); }
.step, .command-row { display: flex; flex-wrap: wrap; gap: 0.4rem 0.8rem; align-items: center; }
.scroll { overflow-x: auto; }
${pictureStyle}`;
