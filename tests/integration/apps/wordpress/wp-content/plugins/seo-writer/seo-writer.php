<?php
/* Plugin Name: SEO writer */
require __DIR__ . "/inc/title.php";
add_filter("the_title", "seo_title");
add_action("seo_nightly", "seo_night");
