import { describe, expect, test } from 'vitest';
import { signatureIn } from '../../src/adapters/mlflow/mlmodel.ts';

/** As PyYAML 6 writes them for MLflow. */
const head = 'artifact_path: model\nflavors:\n  python_function:\n    inputs: no\n';

describe('signatureIn', () => {
  test('reads columns from text that is folded over lines', () => {
    const file = `${head}signature:
  inputs: '[{"type": "long", "name": "a_quite_long_column_name", "required": true},
    {"type": "double", "name": "it''s", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
  params: null
type_hint_from_example: false
`;
    expect(signatureIn(file)).toEqual({
      inputs: [
        { name: 'a_quite_long_column_name', type: 'long', isRequired: true },
        { name: "it's", type: 'double', isRequired: false },
      ],
      outputs: [
        {
          name: null,
          type: '{"type":"tensor","tensor-spec":{"dtype":"float32","shape":[-1,3]}}',
          isRequired: true,
        },
      ],
    });
  });

  test('reads names of other languages, which stand in double quotes', () => {
    const file = String.raw`signature:
  inputs: "[{\"type\": \"long\", \"name\": \"gr\xF6\xDFe \u6F22\u5B57 and\
    \ a very long name to fold over the line\", \"required\": true}, {\"type\": \"\
    double\", \"name\": \"\U0001F600 x\", \"optional\": true}]"
  outputs: null
`;
    expect(signatureIn(file)).toEqual({
      inputs: [
        {
          name: 'größe 漢字 and a very long name to fold over the line',
          type: 'long',
          isRequired: true,
        },
        { name: '😀 x', type: 'double', isRequired: false },
      ],
      outputs: null,
    });
  });

  test('finds none where the model declares none', () => {
    expect(signatureIn(head)).toBeNull();
    expect(signatureIn('')).toBeNull();
  });

  test.each([
    `signature:\n  inputs: '[{"type": "long"'\n`,
    `signature:\n  inputs: '{"type": "long"}'\n`,
    `signature:\n  inputs: '[{"name": "a"}]'\n`,
    'signature:\n  inputs: <html>\n',
  ])('throws at what MLflow does not write: %j', (file) => {
    expect(() => signatureIn(file)).toThrow();
  });
});
