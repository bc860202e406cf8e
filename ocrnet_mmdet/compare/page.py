"""(stub)"""
def write_page(file, plan, rows, outside, notes):
    return file
