import type { Caller } from '../access.ts';
import { assetPaths } from './assets.ts';
import { type Html, html, type Part } from './html.ts';
import { prose, timeText } from './text.ts';

/** What every page knows of who reads it. */
export interface PageContext {
  /** With its query, for the link that reads it again. */
  readonly path: string;
  readonly caller: Caller;
  /** Null where nothing can be done: a viewer, or a caller without a browser. */
  readonly formToken: string | null;
  /** A new one for each form. */
  newRequestId(): string;
  readonly nowMs: number;
  /** Address of the registry. */
  readonly registry: string;
  /** For the form that logs out; null where nobody has logged in. */
  readonly logoutToken: string | null;
  /** What the form before did; null where the page was opened by itself. */
  readonly done: string | null;
}

export interface Page {
  readonly title: string;
  readonly body: Part;
}

/** A whole page. */
export function pageText(context: PageContext, { title, body }: Page): string {
  const { done, nowMs, path } = context;
  return documentText(
    title,
    html`${header(context)}
<main id="main" tabindex="-1">
${done === null ? null : html`<p class="done" role="status">${prose(done)}</p>`}
${body}
</main>
<footer><p>Read at ${timeText(nowMs)} from the state and, where a page needs it, the registry. <a href="${path}">Read
again</a>. Times are <span data-zone>in UTC</span>.</p></footer>`,
  );
}

/** What went wrong, and where to go on. */
export function errorText(title: string, message: string, path: string): string {
  return documentText(
    title,
    html`${plainHeader}
<main id="main" tabindex="-1"><div class="card narrow"><h1>${title}</h1><p>${prose(message)}</p>
<p class="row"><a class="button" href="${path}">Try again</a> <a href="/">All models</a></p></div></main>`,
  );
}

/** @param next where to go after it; @param why the token before was not accepted */
export function loginText(next: string, why: string | null): string {
  return documentText(
    'Log in',
    html`${plainHeader}
<main id="main" tabindex="-1"><form class="card narrow" method="post" action="/console/login">
<h1>Log in</h1>
${why === null ? null : html`<p class="problem" role="alert" id="why">${why}</p>`}
<input type="hidden" name="next" value="${next}">
<p><label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password"
 required${why === null ? null : html` aria-describedby="why"`}></p>
<p class="hint">One of the tokens of the service. A viewer's token reads, an operator's also acts.</p>
<p><button class="primary">Log in</button></p></form></main>`,
  );
}

/** For a browser that came from another site, which keeps its cookie back until the page calls itself. */
export function againText(path: string): string {
  return documentText(
    'One moment',
    html`${plainHeader}<main id="main"><p><a href="${path}">Continue</a></p></main>`,
    html`<meta http-equiv="refresh" content="0">`,
  );
}

// ---------------------------------------------------------------------------------------------------

function documentText(title: string, body: Html, head: Part = null): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · model-rollback</title>
${head}<link rel="icon" href="${assetPaths.icon}">
<link rel="stylesheet" href="${assetPaths.style}">
<script type="module" src="${assetPaths.script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${body}
</body>
</html>
`.markup;
}

const brand: Html = html`<a class="brand" href="/"><svg width="20" height="20" viewBox="-10 -10 20 20"
 aria-hidden="true" focusable="false"><circle r="9.5"/><path d="M4.4 3.2A4.8 4.8 0 1 0 1.6-4.2M2.2-7.2 1-4.2 4.2-3"/></svg>
model-rollback</a>`;

const plainHeader: Html = html`<header class="top"><div class="inner">${brand}</div></header>`;

function header({ caller, registry, logoutToken }: PageContext): Html {
  const who = caller.name === null ? caller.role : `${caller.name}, ${caller.role}`;
  return html`<header class="top"><div class="inner">${brand}
<span class="where" title="registry">${registry}</span>
<form class="find" action="/models" role="search"><label class="unseen" for="find">Name of a model</label><input
 id="find" name="name" placeholder="Open a model" autocomplete="off" spellcheck="false" required><button>Open</button></form>
${
  logoutToken !== null
    ? html`<form method="post" action="/console/logout" class="who"><input type="hidden" name="form_token"
 value="${logoutToken}"><span>${who}</span> <button class="quiet">Log out</button></form>`
    : html`<span class="who">${who}</span>`
}</div></header>`;
}
