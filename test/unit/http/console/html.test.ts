import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { html, joined } from '../../../../src/http/console/html.ts';
import { commandCopy, prose } from '../../../../src/http/console/text.ts';

describe('html', () => {
  test('takes what goes into it for text, and markup of its own for markup', () => {
    const inner = html`<b>${'<i>'}</b>`;
    expect(html`<p title="${`"'&`}">${inner}${[1, null, inner]}</p>`.markup).toBe(
      '<p title="&quot;&#39;&amp;"><b>&lt;i&gt;</b>1<b>&lt;i&gt;</b></p>',
    );
    expect(html`${joined(['a', 'b'], html`<br>`)}`.markup).toBe('a<br>b');
  });

  test('does not take an object from outside for markup', () => {
    const forged = JSON.parse('{"markup": "<script>"}');
    expect(() => html`${forged}`.markup).toThrow();
  });

  test('shows what nobody sees as an escape', () => {
    expect(html`${'a\u202eb\u0000c'}`.markup).toBe('a\\u202eb\\u0000c');
  });

  test('leaves nothing of any text that a browser would read as markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [, shown = ''] = /^<p a="([\s\S]*)">$/.exec(html`<p a="${text}">`.markup) ?? [];
        expect(shown).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});

describe('prose', () => {
  test('sets off times and commands, and escapes both', () => {
    const text = "Frozen until 2026-01-31T08:00:00.000Z: <b>. Run `model-rollback plan '<i>'`.";
    expect(html`${prose(text)}`.markup).toBe(
      'Frozen until <time datetime="2026-01-31T08:00:00.000Z">2026-01-31 08:00 UTC</time>: &lt;b&gt;. Run ' +
        '<code>model-rollback plan &#39;&lt;i&gt;&#39;</code>.',
    );
  });
});

describe('commandCopy', () => {
  test('keeps the command whole in its attribute', () => {
    expect(commandCopy(`model-rollback plan 'a"b'`).markup).toContain(
      'data-copy="model-rollback plan &#39;a&quot;b&#39;"',
    );
  });
});
