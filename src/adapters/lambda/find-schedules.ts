import type { LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';
import { ConfigurationError, messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { Schedule } from '../../ports/surroundings.ts';

const pageSchema = v.object({
  Schedules: v.array(
    v.object({
      Name: v.string(),
      State: v.optional(v.string(), 'ENABLED'),
      Target: v.optional(v.object({ Arn: v.optional(v.string(), '') })),
    }),
  ),
  NextToken: v.nullish(v.string()),
});

/**
 * The schedules of EventBridge Scheduler that call a function. One call of one service is no reason for
 * another client of the SDK: the one for Lambda signs it.
 * @param endpoint null: that of AWS for the function's region
 * @throws ConfigurationError
 */
export async function findSchedules(
  client: LambdaClient,
  functionArn: string,
  endpoint: string | null,
  deadline: Deadline,
): Promise<readonly Schedule[]> {
  const [, partition, , region = ''] = functionArn.split(':');
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  const base = endpoint ?? `https://scheduler.${region}.${domain}`;
  const found: Schedule[] = [];
  let token: string | null | undefined;
  for (let page = 1; page <= limits.schedulePagesMax; page += 1) {
    const { Schedules, NextToken } = await readPage(client, { base, region, token }, deadline);
    found.push(
      ...Schedules.filter(({ Target }) => isOf(functionArn, Target?.Arn ?? '')).map(
        ({ Name, State }) => ({ name: Name, isEnabled: State === 'ENABLED' }),
      ),
    );
    token = NextToken;
    if (!token) return found;
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------

/** Also by a version or an alias. */
function isOf(functionArn: string, target: string): boolean {
  return target === functionArn || target.startsWith(`${functionArn}:`);
}

async function readPage(
  client: LambdaClient,
  { base, region, token }: { base: string; region: string; token: string | null | undefined },
  deadline: Deadline,
): Promise<v.InferOutput<typeof pageSchema>> {
  const url = new URL('/schedules', base);
  const query = { MaxResults: '100', ...(token ? { NextToken: token } : {}) };
  const request = {
    method: 'GET',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query,
    headers: { host: url.host },
  };
  const scope = { signingService: 'scheduler', signingRegion: region };
  const { headers } = await (await client.config.signer()).sign(request, scope);
  url.search = new URLSearchParams(query).toString();
  try {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    const response = await fetch(url, { headers, signal, redirect: 'error' });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return v.parse(pageSchema, await response.json());
  } catch (cause) {
    throw new ConfigurationError(
      `EventBridge Scheduler did not list the schedules (${messageOf(cause)}). ` +
        'Check the permission scheduler:ListSchedules.',
      { cause },
    );
  }
}
