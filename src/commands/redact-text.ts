import type { Config } from '../config/config.ts';
import { createRedactor } from '../observe/redact.ts';

const configs: Config[] = [];
const redactor = createRedactor(function* () {
  for (const config of configs) yield* config.secretTexts();
});

/** From now on the secrets of this config are hidden in what {@link redactText} gets. */
export function redactSecretsOf(config: Config): void {
  configs.push(config);
}

/** A text for the person at the keyboard, without the secrets of the configs that were read. */
export function redactText(text: string): string {
  redactor.refresh();
  return redactor.text(text);
}
