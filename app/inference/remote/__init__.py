"""Models on a server of the department, over the KServe v2 inference protocol (gRPC and HTTP).

The border room of ``tritonclient``, ``grpc`` and, for this protocol, ``requests``: all three are
imported only when a server is really asked. What goes out are tensors of voxels after the
pre-processing of the pack, the name of a model and nothing else.
"""
