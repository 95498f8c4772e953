// What the learning options mean, in a line each. Names that are not here are shown as they are.

export const STRATEGIES: Readonly<Record<string, string>> = {
  auto: 'Automatic: spread out first, then where the model is unsure',
  uherding: 'Unsure and typical: images that stand for many others',
  uherding_balanced: 'Unsure and typical, rare classes sooner',
  maxherding: 'Spread out: images that stand for many others',
  typiclust: 'Most typical image of each group',
  coreset: 'Farthest from anything labelled',
  margin: 'Where two classes are nearly level',
  margin_kmeans: 'Nearly level, spread over groups',
  badge: 'Unsure, and each unlike the others',
  bald: 'Where equally good models disagree',
  probcover: 'What the most images not yet covered are close to',
  reconstruction: 'Least like the labelled images of its class',
  entropy: 'Where all classes are possible',
  least_confidence: 'Where the model is least sure',
  random: 'In random order',
}

export const HEADS: Readonly<Record<string, string>> = {
  blend: 'Blend: prototypes and regression, mixed as the labels ask for (recommended)',
  logistic: 'Logistic regression',
  prototype: 'Prototypes: the mean of each class',
  knn: 'Nearest neighbours (cannot be exported)',
}

/** Choices for a select: the words known here, with the value in force even if the server no longer offers it. */
export function choices(names: readonly string[], words: Readonly<Record<string, string>>, now: string): { value: string; label: string }[] {
  const all = names.includes(now) ? names : [...names, now]
  return all.map((value) => ({ value, label: words[value] ?? value }))
}
