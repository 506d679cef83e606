import type { Config } from '../config/config.ts';
import { createRedactor } from '../observe/redact.ts';

const configs: Config[] = [];
const redactor = createRedactor(function* () {
  for (const config of configs) yield* config.secretTexts();
});

/** Makes {@link redactText} hide the secrets of this config from now on. */
export function redactSecretsOf(config: Config): void {
  configs.push(config);
}

/** A text without the secrets of the configs that were read, for the person at the keyboard. */
export function redactText(text: string): string {
  redactor.refresh();
  return redactor.text(text);
}
