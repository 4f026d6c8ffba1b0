/** The oldest server that has aliases. */
import { describeServer, olderMLflow } from './other-server.ts';

describeServer(await olderMLflow('2.3.2'), ['function', 'command']);
