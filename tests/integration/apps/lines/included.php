<?php
told(); curl_exec($c);
(function () use ($c) { plain($c); })();
