// A webhook of Zabbix: `value` is the URL, a line break, and the body.
var end = value.indexOf("\n"), request = new HttpRequest(), answer;
request.addHeader("Content-Type: application/json");
answer = request.post(value.substring(0, end), value.substring(end + 1));
return request.getStatus() + " " + answer;
