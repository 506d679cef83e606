import { usePayu } from './payu-sdk.mjs';
import { usePhonePe } from './phonepe-sdk.mjs';

/** Uses the SDKs that the argument has settings for, in JSON, and prints what came of it, in JSON. */
const settings = JSON.parse(process.argv[2]);
const USES = { phonepe: usePhonePe, payu: usePayu };

const said = {};
for (const [name, use] of Object.entries(USES)) {
  if (!settings[name]) continue;
  said[name] = await use(settings[name]).catch(({ type, code, httpStatusCode, message }) => ({
    error: { type, code, httpStatusCode, message },
  }));
}
// The timers of PhonePe's would keep it alive.
process.stdout.write(JSON.stringify(said), () => process.exit());
