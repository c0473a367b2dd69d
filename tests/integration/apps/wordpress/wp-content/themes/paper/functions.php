<?php
/* A page has the address by which the test asks for it. */
remove_filter("template_redirect", "redirect_canonical");
