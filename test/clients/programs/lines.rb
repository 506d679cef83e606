# Sends what the command line names, `URL body URL body ...` (an empty body: a GET), and prints a line for each:
# status, bytes, their SHA-256, and the text or the error in base64.
require "base64"
require "digest"

def send_each
  ARGV.each_slice(2) do |url, body|
    begin
      status, text = yield url, (body unless body.empty?)
    rescue StandardError => error
      status, text = 0, "#{error.class}: #{error.message}"
    end
    puts [status, text.bytesize, Digest::SHA256.hexdigest(text), Base64.strict_encode64(text.byteslice(0, 2000))].join("\t")
    $stdout.flush
  end
end
