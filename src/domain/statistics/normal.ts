/** The standard normal distribution, to about 15 digits. */

/** The probability of a value up to `x` (Hart 1968, in the form of West 2005). */
export function normalBelow(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(a)) return Number.NaN;
  const tail = a > 37 ? 0 : tailAbove(a);
  return x > 0 ? 1 - tail : tail;
}

/** The value with so much probability below it (Wichura 1988, AS 241); infinite for 0 and 1. */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(0.180625 - q * q, central);
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  const value = r <= 5 ? ratio(r - 1.6, middle) : ratio(r - 5, far);
  return q < 0 ? -value : value;
}

// ---------------------------------------------------------------------------------------------------

/** Numerator and denominator of a ratio of polynomials; the highest power first. */
type Coefficients = readonly [numerator: readonly number[], denominator: readonly number[]];

const belowSeven: Coefficients = [
  [
    0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
    221.213596169931, 220.206867912376,
  ],
  [
    0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
    637.333633378831, 793.826512519948, 440.413735824752,
  ],
];

const central: Coefficients = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
    1971.5909503065513, 133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
    687.1870074920579, 42.31333070160091, 1,
  ],
];

const middle: Coefficients = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
    3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008,
    0.6897673349851, 1.6763848301838038, 2.053191626637759, 1,
  ],
];

const far: Coefficients = [
  [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
    0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133,
    0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1,
  ],
];

function tailAbove(a: number): number {
  const density = Math.exp((-a * a) / 2);
  if (a < 7.07106781186547) return density * ratio(a, belowSeven);
  const fraction = a + 1 / (a + 2 / (a + 3 / (a + 4 / (a + 0.65))));
  return density / fraction / Math.sqrt(2 * Math.PI);
}

function ratio(x: number, [numerator, denominator]: Coefficients): number {
  return polynomial(x, numerator) / polynomial(x, denominator);
}

function polynomial(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
