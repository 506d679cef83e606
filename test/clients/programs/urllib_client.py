"""urllib as it comes."""
import urllib.request
from lines import send_each


def send(url, body):
    answer = urllib.request.urlopen(url, body, timeout=20)
    return answer.status, answer


send_each(send)
