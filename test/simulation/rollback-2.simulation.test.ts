import { describe } from 'vitest';
import { testPart } from './parts.ts';

describe('simulateRollbacks', () => testPart(2));
