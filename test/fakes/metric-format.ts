/**
 * The rules of CloudWatch's embedded metric format, as its specification gives them. CloudWatch drops what
 * breaks them without a word to the sender.
 */
const units =
  'Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits|Megabits|' +
  'Gigabits|Terabits|Percent|Count|Bytes/Second|Kilobytes/Second|Megabytes/Second|Gigabytes/Second|' +
  'Terabytes/Second|Bits/Second|Kilobits/Second|Megabits/Second|Gigabits/Second|Terabits/Second|' +
  'Count/Second|None';
const knownUnits = units.split('|');

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, lengthMax: number): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= lengthMax;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What is wrong with a line; empty for a sound one. */
export function metricProblems(line: Members): string[] {
  const meta = line['_aws'];
  if (!isMembers(meta)) return ['there is no _aws'];
  const directives = listOf(meta['CloudWatchMetrics']);
  return [
    ...(Number.isInteger(meta['Timestamp']) ? [] : ['Timestamp is no whole number']),
    ...(directives.length > 0 ? [] : ['there is no directive']),
    ...(Buffer.byteLength(JSON.stringify(line)) < 256_000 ? [] : ['the line is too long']),
    ...unknownMembers(meta, ['Timestamp', 'CloudWatchMetrics']),
    ...directives.flatMap((directive) =>
      isMembers(directive) ? directiveProblems(line, directive) : ['a directive is no object'],
    ),
    ...repeated(directives.flatMap((one) => (isMembers(one) ? listOf(one['Metrics']) : []))),
  ];
}

/** Whether CloudWatch would get this metric with exactly these dimensions, and how much of it. */
export function metricValue(
  lines: readonly Members[],
  name: string,
  dimensions: Readonly<Record<string, string>>,
): number {
  const wanted = Object.keys(dimensions).toSorted().join();
  return lines
    .filter((line) => Object.entries(dimensions).every(([key, value]) => line[key] === value))
    .filter((line) =>
      listOf((line['_aws'] as Members)['CloudWatchMetrics']).some(
        (directive) =>
          isMembers(directive) &&
          listOf(directive['Metrics']).some(
            (metric) => isMembers(metric) && metric['Name'] === name,
          ) &&
          listOf(directive['Dimensions']).some((set) => listOf(set).toSorted().join() === wanted),
      ),
    )
    .reduce((sum, line) => sum + Number(line[name]), 0);
}

// ---------------------------------------------------------------------------------------------------

function directiveProblems(line: Members, directive: Members): string[] {
  const { Namespace: namespace, Dimensions: sets, Metrics: metrics } = directive;
  const isNamed = isText(namespace, 1024) && /^[^:]/.test(namespace);
  return [
    ...(isNamed ? [] : ['the namespace is none']),
    ...(listOf(sets).length > 0 ? [] : ['there is no set of dimensions']),
    ...(listOf(metrics).length > 0 ? [] : ['there is no metric']),
    ...(listOf(metrics).length <= 100 ? [] : ['there are more than 100 metrics']),
    ...unknownMembers(directive, ['Namespace', 'Dimensions', 'Metrics']),
    ...listOf(sets).flatMap((set) => [
      ...(listOf(set).length <= 29 ? [] : ['there are more than 29 dimensions']),
      ...listOf(set).flatMap((name) => dimensionProblems(line, name)),
    ]),
    ...listOf(metrics).flatMap((metric) => metricDefinitionProblems(line, metric)),
  ];
}

function dimensionProblems(line: Members, name: unknown): string[] {
  if (!isText(name, 250)) return ['the name of a dimension is none'];
  const value = line[name];
  const isSound = isText(value, 1024) && /^[\x20-\x7e]+$/.test(value) && value.trim() !== '';
  return isSound ? [] : [`${name} has no value that CloudWatch takes`];
}

function metricDefinitionProblems(line: Members, metric: unknown): string[] {
  if (!isMembers(metric) || !isText(metric['Name'], 1024)) return ['a metric has no name'];
  const { Name: name, Unit: unit } = metric;
  const value = line[name];
  return [
    ...(knownUnits.includes(String(unit)) ? [] : [`${name} has the unit ${unit}`]),
    ...(typeof value === 'number' && Number.isFinite(value) ? [] : [`${name} is no number`]),
    ...unknownMembers(metric, ['Name', 'Unit']),
  ];
}

function repeated(metrics: readonly unknown[]): string[] {
  const names = metrics.map((metric) => (isMembers(metric) ? String(metric['Name']) : ''));
  return names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `${name} twice`);
}

function unknownMembers(value: Members, known: readonly string[]): string[] {
  return Object.keys(value)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is unknown`);
}
