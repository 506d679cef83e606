# net/http as it comes.
require "net/http"
require_relative "lines"

send_each do |address, body|
  url = URI(address)
  answer = body ? Net::HTTP.post(url, body) : Net::HTTP.get_response(url)
  [answer.code, answer.body]
end
