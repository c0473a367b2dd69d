import java.net.URI;
import java.net.http.*;
import java.nio.file.*;

class Ask {
    public static void main(String[] args) throws Exception {
        HttpRequest.Builder ask = HttpRequest.newBuilder(URI.create(args[0]));
        if (args.length > 2)
            ask.header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofFile(Path.of(args[2])));
        HttpResponse<String> r = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1).build()
            .send(ask.build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(r.statusCode() + " " + r.body());
    }
}
