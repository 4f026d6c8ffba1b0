import { jsonLogger } from '../../src/adapters/system/json-logger.ts';
import { describeLogger } from './logger.contract.ts';

describeLogger('jsonLogger', (write, least) => jsonLogger(write, least));
