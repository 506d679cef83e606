import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A temporary file without a name. The system deletes it with its descriptor, however the process ends. */
export class SpoolFile {
  readonly #file: FileHandle;
  #size = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Creates a file in `dir` with mode 0600, and unlinks it. Rejects with the system's error. */
  static async create(dir: string): Promise<SpoolFile> {
    const path = join(dir, `outrider-${process.pid}-${randomBytes(12).toString('hex')}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SpoolFile(file);
  }

  get size(): number {
    return this.#size;
  }

  /** Appends bytes. Rejects with the system's error; then none of these bytes counts. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, this.#size + written);
      written += bytesWritten;
    }
    this.#size += bytes.length;
  }

  /** Reads 1 to `maxBytes` bytes from `position` on, which must be below {@link size}. */
  async read(position: number, maxBytes: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, this.#size - position));
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it');
    return buffer.subarray(0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
