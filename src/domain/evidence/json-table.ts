import type { RowTable } from './rows.ts';

/**
 * The columns of a table as MLflow logs it (`mlflow.log_table`, and the results of `mlflow.evaluate`):
 * `{"columns": ["id", …], "data": [[1, …], …]}`.
 * @throws Error that says what is wrong with it
 */
export function columnsOfTable(text: string): RowTable['columns'] {
  const { columns, data } = fieldsOf(JSON.parse(text));
  if (!Array.isArray(columns) || !Array.isArray(data)) throw new Error(formText);
  const names = columns.map(String);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`it has the column "${repeated}" twice`);
  const strange = data.findIndex((row) => !Array.isArray(row) || row.length !== names.length);
  if (strange >= 0) throw new Error(`row ${strange + 1} does not have ${names.length} values`);
  return new Map(names.map((name, index) => [name, data.map((row: unknown[]) => row[index])]));
}

// ---------------------------------------------------------------------------------------------------

const formText = 'it is not of the form {"columns": […], "data": [[…], …]}, as MLflow logs tables';

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return { ...value };
  throw new Error(formText);
}
