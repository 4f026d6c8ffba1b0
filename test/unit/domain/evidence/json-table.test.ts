import { describe, expect, test } from 'vitest';
import { columnsOfTable } from '../../../../src/domain/evidence/json-table.ts';
import { parseRunTable, parseTablePath } from '../../../../src/domain/request/compare-request.ts';

describe('columnsOfTable', () => {
  test('reads a table as MLflow logs it', () => {
    const text =
      '{"columns":["id","ok",3],"data":[["a",true,null],["b",false,{"x":1}]],"index":[0,1]}';
    expect(columnsOfTable(text)).toEqual(
      new Map<string, unknown>([
        ['id', ['a', 'b']],
        ['ok', [true, false]],
        ['3', [null, { x: 1 }]],
      ]),
    );
    expect(columnsOfTable('{"columns":["id"],"data":[]}')).toEqual(new Map([['id', []]]));
  });

  test.each([
    ['[{"id":1}]', 'it is not of the form'],
    ['null', 'it is not of the form'],
    ['{"columns":["id"]}', 'it is not of the form'],
    ['{"columns":["id","id"],"data":[[1,2]]}', 'it has the column "id" twice'],
    ['{"columns":["id","x"],"data":[[1,2],[3]]}', 'row 2 does not have 2 values'],
    ['{"columns":["id"],"data":[{"id":1}]}', 'row 1 does not have 1 values'],
    ['id,x', 'JSON'],
  ])('refuses %s', (text, why) => {
    expect(() => columnsOfTable(text)).toThrow(why);
  });
});

describe('parseRunTable', () => {
  test('tells a table of a run from a file', () => {
    const found = { runId: 'a1b2', path: 'tables/eval.json' };
    expect(parseRunTable('runs:/a1b2/tables/eval.json', '--champion-rows')).toEqual(found);
    expect(parseRunTable('runs/a1b2.csv', '--champion-rows')).toBe(null);
  });

  test.each([
    'runs:/',
    'runs:/a1b2',
    'runs:/a1b2/',
    'runs:/a b/eval.json',
    'runs:/a/../x.json',
    'runs:/a/x.csv',
  ])('refuses %s and says what is allowed', (text) => {
    expect(() => parseRunTable(text, '--champion-rows')).toThrow(/--champion-rows must be/);
  });

  test.each(['', 'eval.parquet', '/etc/x.json', '../x.json', 'a/../../x.json', 7])(
    'takes %j for no path of a table',
    (value) => {
      expect(() => parseTablePath(value, 'table')).toThrow(/table/);
    },
  );
});
