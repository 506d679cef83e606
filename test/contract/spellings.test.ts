import test, { type ExecutionContext } from 'ava';
import { givenJudged } from './judged.ts';
import { CODINGS, LENGTHS, LOOKALIKES } from './spellings.ts';

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const NEXT = head('GET /api/next HTTP/1.1', 'Host: localhost');
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';
const POST = 'POST /api/x HTTP/1.1';

/** Where a spelling stands, and what stands beside it. */
const PLACES: Readonly<Record<string, (spelling: string) => string>> = {
  'alone, before chunks': (spelling) => head(POST, 'Host: localhost', spelling) + CHUNKS,
  'alone, before five bytes': (spelling) => `${head(POST, spelling, 'Host: localhost')}hello`,
  'alone, before nothing': (spelling) => head(POST, 'Host: localhost', spelling),
  'before a length': (spelling) => `${head(POST, spelling, 'Content-Length: 5', 'Host: localhost')}hello`,
  'behind a length': (spelling) => `${head(POST, 'Host: localhost', 'Content-Length: 5', spelling)}hello`,
  'before a coding': (spelling) => head(POST, 'Host: localhost', spelling, 'Transfer-Encoding: chunked') + CHUNKS,
  'behind a coding': (spelling) => head(POST, 'Transfer-Encoding: chunked', spelling, 'Host: localhost') + CHUNKS,
  twice: (spelling) => head(POST, spelling, 'Host: localhost', spelling) + CHUNKS,
  'on a GET': (spelling) => head('GET /api/x HTTP/1.1', 'Host: localhost', spelling),
  'in HTTP/1.0': (spelling) => head('POST /api/x HTTP/1.0', 'Host: localhost', spelling) + CHUNKS,
  'behind an Expect': (spelling) => `${head(POST, 'Host: localhost', 'Expect: 100-continue', spelling)}hello`,
  'behind another request': (spelling) => NEXT + head(POST, 'Host: localhost', spelling) + CHUNKS,
};

/** After some refusals the connection is read on for half a second, so several are under way. */
async function objections(t: ExecutionContext, spellings: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const left = Object.entries(PLACES).flatMap(([where, bytes]) =>
    spellings.map((spelling) => [`${JSON.stringify(spelling)} ${where}`, bytes(spelling)] as const),
  );
  const work = async (): Promise<void> => {
    const judged = await givenJudged(t);
    for (let one = left.pop(); one; one = left.pop()) {
      const { objection } = await judged.send([one[1] + NEXT]);
      if (objection !== undefined) found.push(`${one[0]}: ${objection}`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  return found;
}

for (const [title, spellings] of Object.entries({
  'Transfer-Encoding': CODINGS,
  'Content-Length': LENGTHS,
  'headers that look like others': LOOKALIKES,
})) {
  test(`rules 06, 09: of ${spellings.length} spellings of ${title}, each is refused or means one thing, wherever it stands`, async (t) => {
    t.deepEqual(await objections(t, spellings), []);
  });
}
