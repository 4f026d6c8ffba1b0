import type { ModelVersion } from './model.ts';

/** MLflow's own tag. It is on a registered model that is a prompt, and on each of its versions. */
export const promptTag = { key: 'mlflow.prompt.is_prompt', value: 'true' } as const;

/** As a field of the row; nothing for a version of a model. */
export function promptIn(
  tags: Iterable<{ readonly key: string; readonly value: string }>,
): Pick<ModelVersion, 'isPrompt'> {
  const isPrompt = [...tags].some(
    ({ key, value }) => key === promptTag.key && value === promptTag.value,
  );
  return isPrompt ? { isPrompt } : {};
}
