import { createHash } from 'node:crypto';
import { script } from './script.ts';
import { style } from './style.ts';

/** What pages load from the service. Their addresses change with them, so a browser may keep them. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 20 20"><circle r="9.5" fill="#3b5bdb"/><path
 d="M4.4 3.2A4.8 4.8 0 1 0 1.6-4.2M2.2-7.2 1-4.2 4.2-3" fill="none" stroke="#fff" stroke-width="1.8"
 stroke-linecap="round" stroke-linejoin="round"/></svg>`;

const files = {
  style: { name: 'style.css', type: 'text/css', text: style },
  script: { name: 'script.js', type: 'text/javascript', text: script },
  icon: { name: 'icon.svg', type: 'image/svg+xml', text: icon },
} as const;

const all = Object.entries(files).map(([key, { name, ...asset }]) => {
  const digest = createHash('sha256').update(asset.text).digest('hex').slice(0, 12);
  return { key, path: `/console/${digest}/${name}`, asset };
});

export const assetPaths: Readonly<Record<'style' | 'script' | 'icon', string>> = {
  style: pathOf('style'),
  script: pathOf('script'),
  icon: pathOf('icon'),
};

/** By their paths. */
export const assets: ReadonlyMap<string, Asset> = new Map(
  all.map(({ path, asset }) => [path, asset]),
);

// ---------------------------------------------------------------------------------------------------

function pathOf(key: keyof typeof files): string {
  return all.find((one) => one.key === key)?.path ?? '';
}
