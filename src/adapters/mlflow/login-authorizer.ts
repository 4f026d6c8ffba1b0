import type { Authorizer, RegistryRequest, RequestHeaders } from '../../ports/authorizer.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Deadline } from '../../ports/deadline.ts';

/** A login or token in the header Authorization, the same for every request; or none. */
export class LoginAuthorizer implements Authorizer {
  readonly iamService = null;
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  get source(): string {
    return this.#credentials.source;
  }

  async authorize(request: RegistryRequest, deadline: Deadline): Promise<RequestHeaders> {
    return withLogin(request, await this.#credentials.authorization(deadline));
  }

  async renew(
    request: RegistryRequest,
    { authorization = null }: { readonly authorization?: string | null },
    deadline: Deadline,
  ): Promise<RequestHeaders | null> {
    const login = await this.#credentials.renew(authorization, deadline);
    return login === null ? null : withLogin(request, login);
  }

  close(): void {
    this.#credentials.close();
  }
}

// ---------------------------------------------------------------------------------------------------

function withLogin({ headers }: RegistryRequest, login: string | null): RequestHeaders {
  return login === null ? headers : { ...headers, authorization: login };
}
