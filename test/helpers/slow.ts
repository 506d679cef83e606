/** `OUTRIDER_SLOW_TESTS=1`, as in CI: everything in its full size. Without it the whole suite takes less than three minutes. */
export const IS_SLOW = process.env['OUTRIDER_SLOW_TESTS'] !== undefined;
