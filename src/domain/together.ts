/**
 * Like `Promise.all`, and waits for all of them before it throws: nothing of what was begun here is still at
 * work when the error goes up, where a frozen function would leave it behind.
 * @throws what the first of them in order was rejected with
 */
export async function together<const T extends readonly unknown[]>(
  begun: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const ends = await Promise.allSettled(begun);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return await Promise.all(begun);
}
