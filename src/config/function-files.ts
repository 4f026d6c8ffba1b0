/**
 * What is deployed as the function, both in one folder: the entry with all of its code, and what V8 made of that code
 * (src/lambda/code-cache.ts), which may be missing.
 */
export const functionFiles = ['index.mjs', 'function.cache'] as const;

/** What is deployed as the companions, in one folder: each has an entry of its own, and shares nothing. */
export const companionFiles = ['compare/index.mjs', 'promote/index.mjs', 'http/index.mjs'] as const;
