import { createHash } from 'node:crypto';

/**
 * Sends what the command line names, `URL body URL body …` (an empty body: a GET), and prints a line for each: status,
 * bytes, their SHA-256, and the text or the error in base64.
 * @param send Yields status and body.
 */
export async function sendEach(args, send) {
  for (let i = 0; i < args.length; i += 2) {
    const hash = createHash('sha256');
    let bytes = 0;
    let text = '';
    let status = 0;
    try {
      const [given, body] = await send(args[i], args[i + 1] === '' ? undefined : args[i + 1]);
      for await (const chunk of body) {
        hash.update(chunk);
        bytes += chunk.length;
        if (text.length < 2000) text += Buffer.from(chunk).toString('latin1').slice(0, 2000);
      }
      status = given;
    } catch (error) {
      for (let cause = error; cause; cause = cause.cause) text += `${cause.message}\n`;
    }
    process.stdout.write(`${status}\t${bytes}\t${hash.digest('hex')}\t${Buffer.from(text).toString('base64')}\n`);
  }
}
