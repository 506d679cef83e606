import type { ExchangeRecord } from './events.ts';
import type { MaybePromise } from './http.ts';

/** Keeps the audit trail. Rooms get one only while there is a trail. */
export interface Audit {
  /**
   * Writes the line of a request that carried a credential. Any other request is passed over. A promise resolves when the line
   * is on the disk, and the end of the answer has to wait for it. It never throws or rejects.
   * @param body The caller's body, where it is held whole.
   */
  request(record: ExchangeRecord, body: Uint8Array | undefined): MaybePromise<void>;
}
