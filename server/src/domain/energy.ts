// What to eat on a date. Adults alone: the equations were made from ages 19 to 78, and counting is a known risk factor
// of eating disorders in the young. A deficit has a floor; nothing here ever makes a surplus of one.

export type Aim = 'lose' | 'gain' | 'maintain';
export type Activity = 'sedentary' | 'light' | 'moderate' | 'very' | 'extra';
export type BmiClass = 'underweight' | 'normal' | 'overweight' | 'obese_1' | 'obese_2' | 'obese_3';

/** Why no energy is told. */
export type EnergyReason = 'no_plan' | 'minor' | 'off' | 'implausible';

/** What held a number back, in the order in which they are applied. */
export type Clamp =
  | 'no_deficit'
  | 'underweight'
  | 'losing_fast'
  | 'floor'
  | 'protein_share'
  | 'protein_reference_weight'
  | 'carbohydrate_low';

/** kg, cm, whole years. */
export interface Body {
  readonly weight: number;
  readonly height: number;
  readonly age: number;
  readonly gender: 'male' | 'female';
}

export interface EnergyInput {
  /** Null: there is no plan. */
  readonly body: (Body & { readonly age_from: 'birth_date' | 'plan' }) | null;
  readonly aim: Aim;
  readonly aim_from: 'plan' | 'goal' | 'default';
  readonly bmr_formula: 'mifflin' | 'harris';
  /** Null: 1.2, and the workout of the date on top. */
  readonly activity: Activity | null;
  readonly nutrition: 'full' | 'no_deficit' | 'off';
  /** Net kcal per kg of the date's workout: of the one planned, or of what was done. */
  readonly workout_kcal_per_kg: number;
  readonly workout_done: boolean;
  /** Whether the trend of the weight falls by more than 1 % a week. */
  readonly losing_fast: boolean;
}

/** Energy in kcal (kcal whole, the others to 2 decimals), macronutrients in whole grams, half up. */
export interface Nutrition {
  readonly kcal: number;
  readonly protein: number;
  readonly fat: number;
  readonly carbohydrate: number;
  readonly bmr: number;
  readonly tdee: number;
  /** What remains of the requested one. */
  readonly adjustment: number;
  readonly requested_adjustment: number;
  /** The one that was applied: never above tdee. */
  readonly floor: number;
  /** The greatest deficit that the floor leaves, of tdee, to one decimal. */
  readonly max_deficit_percent: number;
  readonly bmi: number;
  /** Null under 20 years. */
  readonly bmi_class: BmiClass | null;
  readonly aim: Aim;
  readonly aim_from: 'plan' | 'goal' | 'default';
  /** What was added to tdee for the workout; 0 when the factor of `activity` has it. */
  readonly workout_kcal: number;
  readonly workout_kcal_from: 'planned' | 'done' | 'factor';
  readonly formula: 'mifflin' | 'harris';
  readonly inputs: Body & {
    readonly age_from: 'birth_date' | 'plan';
    readonly activity: Activity | null;
  };
  readonly clamped_by: readonly Clamp[];
  /** At 18 and over 78 the equations are used beyond the ages that they were made from. */
  readonly extrapolated: boolean;
  readonly notice: 'not_medical_advice';
}

export const ADULT_AGE = 18;

/** A convention; FAO/WHO/UNU 2001, table 5.3 is the reference scale. */
export const ACTIVITY_FACTORS: Readonly<Record<Activity, number>> = {
  sedentary: 1.2,
  light: 1.375,
  moderate: 1.55,
  very: 1.725,
  extra: 1.9,
};

const AIMS: Readonly<Record<string, Aim>> = {
  похудеть: 'lose',
  'lose weight': 'lose',
  'набирать массу': 'gain',
  'gain muscle': 'gain',
  'поддерживать вес': 'maintain',
  'maintain weight': 'maintain',
};

/** @returns the plan's aim; else what one of the six known goals means; else to maintain */
export function aimOf(plan: { aim: Aim | null; goal: string }): Pick<Nutrition, 'aim' | 'aim_from'> {
  if (plan.aim) return { aim: plan.aim, aim_from: 'plan' };
  const goal = plan.goal.trim().toLowerCase();
  return Object.hasOwn(AIMS, goal)
    ? { aim: AIMS[goal] as Aim, aim_from: 'goal' }
    : { aim: 'maintain', aim_from: 'default' };
}

const round2 = (value: number) => Math.round(value * 100) / 100;

/** @returns kg/m², unrounded (WHO TRS 916) */
export const bmiOf = ({ weight, height }: Pick<Body, 'weight' | 'height'>): number =>
  (weight * 10_000) / (height * height);

const BMI_CLASSES = ['underweight', 'normal', 'overweight', 'obese_1', 'obese_2', 'obese_3'] as const;

/** @param bmi unrounded. @returns null under 20 years, where other references hold (WHO 2007) */
export const bmiClassOf = (bmi: number, age: number): BmiClass | null =>
  age < 20 ? null : (BMI_CLASSES[[18.5, 25, 30, 35, 40].filter((from) => bmi >= from).length] as BmiClass);

/**
 * Basal metabolic rate, kcal a day. `mifflin`: Mifflin–St Jeor, AJCN 1990, 51:241, from 498 people of 19 to 78 years.
 * `harris`: Harris–Benedict as revised by Roza & Shizgal, AJCN 1984, 40:168 (95 %: ± 213 men, ± 201 women).
 */
export function bmrOf(formula: 'mifflin' | 'harris', { weight, height, age, gender }: Body): number {
  const male = gender === 'male';
  if (formula === 'mifflin') return 10 * weight + 6.25 * height - 5 * age + (male ? 5 : -161);
  return male
    ? 88.362 + 13.397 * weight + 4.799 * height - 5.677 * age
    : 447.593 + 9.247 * weight + 3.098 * height - 4.33 * age;
}

/** Grams and what held them back. AMDR (IOM DRI): protein 10–35 %, fat 20–35 %, carbohydrate 45–65 %. @param kcal whole */
function macros(kcal: number, adjustment: number, { weight, height }: Body) {
  const clamps: Clamp[] = [];
  // Protein by a reference weight of BMI 25 at most, 1.4 to 2.0 g/kg (ISSN 2017, 14:20).
  const reference = Math.min(weight, (25 * height * height) / 10_000);
  let protein_g = reference * (adjustment < 0 ? 2 : adjustment > 0 ? 1.8 : 1.6);
  if (4 * protein_g > 0.3 * kcal) {
    protein_g = Math.max((0.3 * kcal) / 4, Math.min(protein_g, 1.4 * reference));
    clamps.push('protein_share');
  }
  protein_g = Math.min(protein_g, (0.35 * kcal) / 4);
  if (reference < weight) clamps.push('protein_reference_weight');
  // 1 − 0.30 − 0.25 in binary is a little less than 0.45, and not low.
  if (1 - (4 * protein_g) / kcal - 0.25 < 0.45 - 1e-9) clamps.push('carbohydrate_low');
  const protein = Math.round(protein_g);
  const fat = Math.round((0.25 * kcal) / 9);
  return { protein, fat, carbohydrate: Math.round((kcal - 4 * protein - 9 * fat) / 4), clamps };
}

/**
 * The energy of a date, with every number's formula, inputs and what clamped it.
 * tdee = bmr × factor, or bmr × 1.2 + the net kcal of the workout. Asked: lose − min(500, 20 %), gain + 10 %.
 * kcal = tdee + min(0, max(asked, floor − tdee)) for a deficit, with floor = max(bmr, 1200 female, 1500 male)
 * (AHA/ACC/TOS 2013); |4 P + 9 F + 4 C − kcal| ≤ 2.
 */
export function energy(
  input: EnergyInput,
): { nutrition: Nutrition; reason: null } | { nutrition: null; reason: EnergyReason } {
  const { body, aim, aim_from, bmr_formula, activity, nutrition } = input;
  const none = (reason: EnergyReason) => ({ nutrition: null, reason });
  if (!body) return none('no_plan');
  const { weight, age, gender } = body;
  if (age < ADULT_AGE) return none('minor');
  if (nutrition === 'off') return none('off');
  const bmi = bmiOf(body);
  const bmr = bmrOf(bmr_formula, body);
  if (bmi < 10 || bmi > 100 || bmr < 600 || bmr > 6000) return none('implausible');

  const workout_kcal = activity ? 0 : input.workout_kcal_per_kg * weight;
  const tdee = bmr * ACTIVITY_FACTORS[activity ?? 'sedentary'] + workout_kcal;
  const requested = { lose: -Math.min(500, 0.2 * tdee), gain: 0.1 * tdee, maintain: 0 }[aim];
  const floor = Math.min(Math.max(bmr, gender === 'male' ? 1500 : 1200), tdee);
  const clamped_by: Clamp[] = [];
  let adjustment = requested;
  if (requested < 0) {
    if (nutrition === 'no_deficit') clamped_by.push('no_deficit');
    if (bmi < 18.5) clamped_by.push('underweight');
    if (input.losing_fast) clamped_by.push('losing_fast');
    if (clamped_by.length > 0) adjustment = 0;
    else if (floor - tdee > requested) {
      adjustment = floor - tdee;
      clamped_by.push('floor');
    }
  }
  const kcal = Math.round(tdee + adjustment);
  const { clamps, ...grams } = macros(kcal, adjustment, body);
  return {
    nutrition: {
      kcal,
      ...grams,
      bmr: round2(bmr),
      tdee: round2(tdee),
      adjustment: round2(adjustment),
      requested_adjustment: round2(requested),
      floor: round2(floor),
      max_deficit_percent: Math.round(1000 * (1 - floor / tdee)) / 10,
      bmi: round2(bmi),
      bmi_class: bmiClassOf(bmi, age),
      aim,
      aim_from,
      workout_kcal: round2(workout_kcal),
      workout_kcal_from: activity ? 'factor' : input.workout_done ? 'done' : 'planned',
      formula: bmr_formula,
      inputs: { ...body, activity },
      clamped_by: [...clamped_by, ...clamps],
      extrapolated: age === ADULT_AGE || age > 78,
      notice: 'not_medical_advice',
    },
    reason: null,
  };
}
