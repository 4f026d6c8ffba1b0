/**
 * What is deployed as the function, all in one folder: the entry, the code that it runs, and what V8 made of that
 * code (src/lambda/code-cache.ts). Only the last one may be missing.
 */
export const functionFiles = ['index.mjs', 'function.cjs', 'function.cache'] as const;
