import { describe, expect, test } from 'vitest';
import { connectionFromEnv } from '../../../src/config/connection-settings.ts';
import type { Env } from '../../../src/config/read-env.ts';
import { ConfigurationError } from '../../../src/domain/errors.ts';

const reach = (env: Env, url = 'https://mlflow.example.com') =>
  connectionFromEnv(env, new URL(url));

describe('connectionFromEnv', () => {
  test('checks certificates, and knows no proxy', () => {
    expect(reach({})).toEqual({
      connection: {
        isCertificateChecked: true,
        authoritiesFile: null,
        clientCertificateFile: null,
        proxy: null,
      },
      warnings: [],
    });
  });

  test.each(['true', 'TRUE', '1'])('warns where certificates are not checked: %s', (flag) => {
    const { connection, warnings } = reach({ MLFLOW_TRACKING_INSECURE_TLS: flag });
    expect(connection.isCertificateChecked).toBe(false);
    expect(warnings.map(({ code }) => code)).toEqual(['INSECURE_TLS']);
  });

  test('refuses both ways to judge a certificate at once, as MLflow does', () => {
    const env = { MLFLOW_TRACKING_INSECURE_TLS: '1', MLFLOW_TRACKING_SERVER_CERT_PATH: '/ca' };
    expect(() => reach(env)).toThrow(ConfigurationError);
    expect(() => reach({ MLFLOW_TRACKING_INSECURE_TLS: 'yes' })).toThrow('`true` or `false`');
  });

  test('warns of what has no effect without TLS', () => {
    const env = {
      MLFLOW_TRACKING_INSECURE_TLS: 'true',
      MLFLOW_TRACKING_CLIENT_CERT_PATH: '/me.pem',
    };
    const { warnings } = reach(env, 'http://mlflow');
    expect(warnings.map(({ code }) => code)).toEqual([
      'SETTING_WITHOUT_EFFECT',
      'SETTING_WITHOUT_EFFECT',
    ]);
    expect(warnings[1]?.message).toContain('MLFLOW_TRACKING_CLIENT_CERT_PATH');
  });

  test.each([
    [{ HTTPS_PROXY: 'http://p:1' }, 'HTTPS_PROXY', 'p:1'],
    [{ https_proxy: 'http://a:1', HTTPS_PROXY: 'http://p:1' }, 'https_proxy', 'a:1'],
    [{ HTTPS_PROXY: 'http://p:1', ALL_PROXY: 'http://a:1' }, 'HTTPS_PROXY', 'p:1'],
    [{ ALL_PROXY: 'http://a:1' }, 'ALL_PROXY', 'a:1'],
    [{ HTTPS_PROXY: 'proxy.example.com:3128' }, 'HTTPS_PROXY', 'proxy.example.com:3128'],
    [{ HTTPS_PROXY: 'https://me:hunter2@p:1' }, 'HTTPS_PROXY', 'p:1'],
  ])('finds the proxy in %j', (env, variable, address) => {
    expect(reach(env).connection.proxy).toMatchObject({ variable, address });
  });

  test.each([{ HTTP_PROXY: 'http://p:1' }, { HTTPS_PROXY: '' }, { HTTPS_PROXY: ' ' }])(
    'finds none for https in %j',
    (env) => expect(reach(env).connection.proxy).toBeNull(),
  );

  test('uses HTTP_PROXY for http', () => {
    const env = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:1' };
    expect(reach(env, 'http://mlflow').connection.proxy).toMatchObject({ address: 'p:1' });
  });

  test('warns of a proxy that cannot be used, and refuses what is none', () => {
    const { connection, warnings } = reach({ ALL_PROXY: 'socks5://me:hunter2@p:1' });
    expect(connection.proxy).toBeNull();
    expect(warnings[0]?.message).toMatch(/^ALL_PROXY is set, and has no effect: .*socks5/);
    expect(JSON.stringify(warnings)).not.toContain('hunter2');
    const wrong = () => reach({ HTTPS_PROXY: 'http://me:hunter2@p:port' });
    expect(wrong).toThrow(/HTTPS_PROXY must be the address of a proxy/);
    expect(wrong).not.toThrow('hunter2');
  });

  test.each([
    ['https://mlflow.example.com', '*', true],
    ['https://mlflow.example.com', 'example.com', true],
    ['https://mlflow.example.com', '.example.com', true],
    ['https://mlflow.example.com', '*.example.com', true],
    ['https://mlflow.example.com', 'a, MLFLOW.example.com', true],
    ['https://mlflow.example.com', 'a mlflow.example.com:443', true],
    ['https://mlflow.example.com', 'mlflow.example.com:5000', false],
    ['https://mlflow.example.com', 'ample.com', false],
    ['https://mlflow.example.com', 'example.com.evil', false],
    ['https://mlflow.example.com:5000', 'example.com:5000', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.2.0.0/16', false],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://10.1.2.3', '2.3', false],
    ['https://mlflow.example.com', '10.0.0.0/8', false],
    ['https://[::1]', '::1', true],
    ['https://[::1]:5000', '[::1]:5000', true],
    ['https://mlflow.example.com', '', false],
  ])('%s with NO_PROXY=%s: %s', (url, list, isDirect) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const { proxy } = reach({ HTTPS_PROXY: 'http://p:1', [name]: list }, url).connection;
      expect(proxy === null).toBe(isDirect);
    }
  });
});
