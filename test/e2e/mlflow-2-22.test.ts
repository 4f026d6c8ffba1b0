/** The last server of MLflow 2. */
import { describeServer, olderMLflow } from './other-server.ts';

describeServer(await olderMLflow('2.22.5'), ['function', 'command']);
