/**
 * What has to be one step, in Redis's Lua. Each gets one key; 1 is yes, 0 is no.
 */

/** Which run of which Redis this is; '' where that may not be asked. Another run may have forgotten what this one was told. */
const RUN = `
local function run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end`;

export const READ = `return redis.call('HMGET', KEYS[1], 'g', 'd')`;

/** ARGV: expected generation, new generation, text, ttl, channel, message. */
export const WRITE = `${RUN}
if (redis.call('HGET', KEYS[1], 'g') or '0') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'g', ARGV[2], 'd', ARGV[3], 'r', run())
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1`;

/** ARGV: generation. */
export const REDEEM = `${RUN}
local held = redis.call('HMGET', KEYS[1], 'g', 'r', 'u')
if held[1] ~= ARGV[1] or held[2] == '' or held[2] ~= run() or held[3] then return 0 end
redis.call('HSET', KEYS[1], 'u', '1')
return 1`;

/** ARGV: holder, lease. */
export const EXTEND = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** ARGV: holder. */
export const FREE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;
