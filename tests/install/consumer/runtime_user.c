/* Opens what is no artifact: the runtime must answer with a status and a sentence, and not crash. Plain C on purpose. */
#include <stdio.h>
#include <string.h>

#include <fastc_rt.h>

int main(void) {
  char error[256] = "";
  fastc_rt_model* model = NULL;
  const char junk[] = "this is no artifact";
  const fastc_rt_status status = fastc_rt_open_memory(junk, sizeof junk, &model, error, sizeof error);
  printf("fastc runtime %s on %s: %s\n", fastc_rt_version(), fastc_rt_isa(), error);
  return status != FASTC_RT_OK && model == NULL && strlen(error) > 0 ? 0 : 1;
}
